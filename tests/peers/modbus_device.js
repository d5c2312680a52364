// A Modbus device made with the npm package modbus-serial: 2000 holding registers, 100 coils, no register 1500.
// usage: node modbus_device.js PORT; prints "ready"; one line "ADDRESS VALUE" on its input sets a register.
"use strict";

const readline = require("node:readline");
const { ServerTCP } = require("modbus-serial");

const registers = new Uint16Array(2000);
const coils = new Array(100).fill(false);
const MISSING = 1500;

function there(address, length = 1) {
  if (address + length > registers.length || (address <= MISSING && MISSING < address + length)) {
    throw Object.assign(new Error("no such register"), { modbusErrorCode: 2 });
  }
}

const server = new ServerTCP(
  {
    getMultipleHoldingRegisters(address, length) {
      there(address, length);
      return Array.from(registers.subarray(address, address + length));
    },
    getHoldingRegister(address) {
      there(address);
      return registers[address];
    },
    setRegister(address, value) {
      there(address);
      registers[address] = value;
    },
    getCoil: (address) => coils[address],
    setCoil(address, value) {
      coils[address] = value;
    },
  },
  { host: "127.0.0.1", port: Number(process.argv[2]), unitID: 1 },
);

server.on("initialized", () => console.log("ready"));
readline.createInterface({ input: process.stdin }).on("line", (line) => {
  const [address, value] = line.split(" ").map(Number);
  registers[address] = value;
  console.log("set");
}).on("close", () => process.exit(0));
