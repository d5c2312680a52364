// Sound, vibration and words for every scan: good and bad differ in all three.

let audio = null;

function beep(tones) {
  try {
    audio ??= new AudioContext();
    let at = audio.currentTime;
    for (const [hertz, seconds] of tones) {
      const tone = audio.createOscillator();
      const level = audio.createGain();
      tone.frequency.value = hertz;
      level.gain.value = 0.12;
      tone.connect(level).connect(audio.destination);
      tone.start(at);
      tone.stop(at + seconds);
      at += seconds + 0.04;
    }
  } catch {
    audio = null;
  }
}

// Browsers allow neither before the person has touched or typed.
export function feel(kind) {
  if (!navigator.userActivation?.hasBeenActive) return;
  if (kind === "good") {
    beep([[1320, 0.09]]);
    navigator.vibrate?.(60);
  } else if (kind === "bad") {
    beep([[220, 0.22], [180, 0.3]]);
    navigator.vibrate?.([180, 80, 180]);
  } else {
    beep([[660, 0.08], [660, 0.08]]);
    navigator.vibrate?.([60, 60, 60]);
  }
}
