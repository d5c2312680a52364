"""Modbus devices as they really are: few functions, small requests, missing registers, gateways, TLS."""

import asyncio
import datetime
import ipaddress
import ssl
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from edge.plc import gateway, modbus, polling, supervision
from edge.plc.image import LinkLost, ProcessImage, Quality, WriteRejected
from edge.settings import ConfigError, DeviceSettings, PollSettings, read_site
from edge.settings.checks import check_site


@pytest.fixture(autouse=True)
def _brisk(monkeypatch) -> None:
    monkeypatch.setattr(supervision, "BACK_OFF_MAX_S", 0.05)
    monkeypatch.setattr(polling, "RETRY_MIN_MS", 50)


def wrote(device) -> list[tuple[int, int, int]]:
    """Function, address and count of every write."""
    return [request[1:] for request in device.requests if request[1] in (5, 6, 15, 16, 22, 23)]


# registers that are not there


async def test_one_bad_register_costs_one_tag(modbus_device, south, tags) -> None:
    table = [tags.holding(f"T{at:03}", at) for at in range(100)]
    modbus_device.refused[57] = 2
    modbus_device.words |= {at: at for at in range(100)}
    async with south.kept(modbus.keep, south.modbus(modbus_device), table) as image:
        await south.until(lambda: image.good)
        bad = [name for name in (tag.name for tag in table) if not image.is_good(name)]
        assert bad == ["T057"]
        assert [image.value("T056"), image.value("T058")] == [56, 58]
        found_with = len(modbus_device.requests)
        assert found_with < 30, "halving, not one by one"
        await asyncio.sleep(0.1)
        fast = {(address, count) for _, _, address, count in modbus_device.requests[-6:]}
        assert fast <= {(0, 57), (58, 42), (57, 1)}, "two blocks around the hole, and a new try of the bad one"
        modbus_device.refused.clear()
        await south.until(lambda: image.is_good("T057"))
        await south.until(lambda: modbus_device.requests[-1][2:] == (0, 100))


async def test_register_that_goes_while_running_and_a_bad_neighbourhood_that_comes_back(
    modbus_device, south, tags
) -> None:
    table = [tags.holding(f"T{at:03}", at) for at in range(40)]
    async with south.kept(modbus.keep, south.modbus(modbus_device), table) as image:
        await south.until(lambda: image.good)
        modbus_device.refused |= dict.fromkeys(range(10, 30), 2)
        await south.until(lambda: sum(not image.is_good(tag.name) for tag in table) == 20)
        assert image.good
        assert image.reading("T010").reason == "refused: illegal address (2)"
        modbus_device.refused.clear()
        await south.until(lambda: all(image.is_good(tag.name) for tag in table))
        await south.until(lambda: modbus_device.requests[-1][2:] == (0, 40))


async def test_searching_for_bad_registers_has_a_limit(modbus_device, south, tags, monkeypatch) -> None:
    monkeypatch.setattr(polling, "SPLITS_MAX", 6)
    table = [tags.holding(f"T{at:03}", at) for at in range(100)]
    modbus_device.refused |= dict.fromkeys(range(0, 100, 2), 2)
    async with south.kept(
        modbus.keep, south.modbus(modbus_device, poll={"slow": "1h"}), [*table, tags.holding("Z", 200)]
    ) as image:
        await south.until(lambda: image.good)
        assert image.is_good("Z")
        assert len(modbus_device.requests) < 30


async def test_device_that_refuses_long_reads_is_read_in_pieces(modbus_device, south, tags) -> None:
    modbus_device.words_max = 45
    table = [tags.holding(f"T{at:03}", at) for at in range(100)]
    async with south.kept(modbus.keep, south.modbus(modbus_device), table) as image:
        await south.until(lambda: image.good)
        assert all(image.is_good(tag.name) for tag in table)


async def test_device_that_refuses_everything_is_no_link(modbus_device, south, tags) -> None:
    modbus_device.functions = {16}
    async with south.kept(modbus.keep, south.modbus(modbus_device), tags.modbus) as image:
        await south.until(lambda: "no tag could be read" in image.reason)
        assert "illegal function (1)" in image.reason
        assert not image.good


async def test_busy_device_is_asked_again(modbus_device, south, tags) -> None:
    modbus_device.refused[1] = 6
    async with south.kept(modbus.keep, south.modbus(modbus_device), tags.modbus) as image:
        await south.until(lambda: modbus_device.requests)
        await asyncio.sleep(0.05)
        modbus_device.refused.clear()
        await south.until(lambda: image.good)
        assert not image.counts.counts["links_lost"]


# values that stop


async def test_tag_that_is_not_refreshed_goes_stale_and_is_repaired(modbus_device, south, tags) -> None:
    """The poll of one block is never answered (busy); the link stands, and reads it in another way."""
    modbus_device.refused.clear()
    async with south.kept(modbus.keep, south.modbus(modbus_device), tags.modbus) as image:
        await south.until(lambda: image.good)
        modbus_device.refused[30] = 6
        await south.until(lambda: image.reading("Lane").quality is Quality.UNCERTAIN)
        assert image.good
        assert image.reading("Lane").reason == "stale: not refreshed in its time"
        assert set(image.stale()) == {"Lane", "Position"}
        modbus_device.refused.clear()
        await south.until(lambda: image.is_good("Lane"))
        assert image.figures()["stale"] == image.figures()["repaired"] == 2


async def test_figures_tell_what_happened(modbus_device, south, tags) -> None:
    async with south.kept(modbus.keep, south.modbus(modbus_device), tags.modbus) as image:
        await south.until(lambda: image.good)
        await image.write([("Number", 1)])
        await asyncio.sleep(0.2)
        figures = image.figures()
        assert (figures["writes"], figures["unanswered"], figures["refused"], figures["link"]) == (1, 0, 0, "good")
        assert figures["tags"] == {"good": 9, "bad": 3, "uncertain": 0}, "the ring's three were never asked for"
        for name, plan_ms in (("fast", 10), ("normal", 50), ("slow", 100)):
            cycle = figures["classes"][name]
            assert cycle["plan_ms"] == plan_ms
            assert cycle["cycles"] >= 1
            assert 0 < cycle["took_ms"]["p50"] <= cycle["took_ms"]["max"]
        fast = figures["classes"]["fast"]
        assert fast["every_ms"]["p50"] >= 10


async def test_class_that_takes_longer_than_its_period_is_said_once_and_counted(
    modbus_device, south, tags, caplog
) -> None:
    modbus_device.delay_s = 0.03
    async with south.kept(modbus.keep, south.modbus(modbus_device), tags.modbus) as image:
        await south.until(lambda: image.good and image.counts.classes["fast"].late >= 8)
        slow = image.counts.classes["slow"]
        before = slow.count
        await south.until(lambda: slow.count > before)
    said = [record for record in caplog.records if record.message == "poll class too slow"]
    assert len([record for record in said if getattr(record, "class") == "fast"]) == 1


# small devices


async def test_device_with_four_functions_and_45_registers(modbus_device, south, tags) -> None:
    modbus_device.functions = {3, 6, 16, 23}
    modbus_device.words_max = 45
    table = [*tags.modbus, *(tags.holding(f"T{at:03}", at) for at in range(200, 300))]
    device = south.modbus(modbus_device, functions=[3, 6, 16, 23], max_read=45, max_write=45)
    async with south.kept(modbus.keep, device, table) as image:
        await south.until(lambda: image.good)
        await image.write([("Beat", 1), ("Epoch", 2)])
        modbus_device.words[30] = 77
        await image.write([("Number", 3)], read=["Lane"])
        assert image.value("Lane") == 77
        assert wrote(modbus_device) == [(16, 1000, 2), (23, 30, 1)]
        assert modbus_device.words[1004] == 3
    assert max(count for _, _, _, count in modbus_device.requests) <= 45


async def test_device_without_function_16_is_written_word_by_word(modbus_device, south, tags) -> None:
    modbus_device.functions = {3, 6}
    table = [tag for tag in tags.modbus if tag.name != "Id"]
    async with south.kept(modbus.keep, south.modbus(modbus_device, functions=[3, 6]), table) as image:
        await south.until(lambda: image.good)
        await image.write([("Number", 3)])
        with pytest.raises(WriteRejected, match="functions does not list 16"):
            await image.write([("Beat", 1), ("Epoch", 2)])
    assert wrote(modbus_device) == [(6, 1004, 1)]


async def test_write_then_read_without_function_23(modbus_device, south, tags) -> None:
    async with south.kept(modbus.keep, south.modbus(modbus_device), tags.modbus) as image:
        await south.until(lambda: image.good)
        modbus_device.words |= {100: 7, 113: 7}
        await image.write([("Number", 3)], read=["Slot.Head", "Slot.Tail"])
        await south.until(lambda: image.value("Slot.Tail") == 7)
    assert wrote(modbus_device) == [(16, 1004, 1)]


async def test_refused_read_beside_a_write_does_not_make_the_write_refused(modbus_device, south, tags) -> None:
    modbus_device.refused[100] = 2
    device = south.modbus(modbus_device, functions=[3, 16, 23])
    async with south.kept(modbus.keep, device, tags.modbus) as image:
        await south.until(lambda: image.good)
        await image.write([("Number", 3)], read=["Slot.Head"])
        assert modbus_device.words[1004] == 3
        assert not image.is_good("Slot.Head")


async def test_bits_of_a_register(modbus_device, south, tags) -> None:
    modbus_device.words |= {50: 0b1010, 60: 0x00F0}
    table = [
        tags.holding("Full", 50, type="bool", bit=1),
        tags.holding("Jam", 50, type="bool", bit=2),
        tags.holding("Eyes", 50, type="bits", count=2),
        tags.holding("Wake", 60, type="bool", bit=8, writer="wcs", access="rw"),
    ]
    device = south.modbus(modbus_device, functions=[3, 16, 22])
    async with south.kept(modbus.keep, device, table) as image:
        await south.until(lambda: image.good)
        assert [image.value(name) for name in ("Full", "Jam", "Eyes")] == [True, False, 0b1010]
        assert [image.bit("Eyes", at) for at in range(4)] == [False, True, False, True]
        await image.write([("Wake", True)])
        assert modbus_device.words[60] == 0x01F0
        await image.write([("Wake", False)])
        assert modbus_device.words[60] == 0x00F0
    with pytest.raises(ConfigError, match="needs function 22"):
        await modbus.keep(south.modbus(modbus_device), table, ProcessImage(table))


async def test_coils_and_inputs(modbus_device, south, tags) -> None:
    modbus_device.words |= {4: 1, 8: 0xFFFE}
    table = [
        tags.holding("Lamp", 4, table="coil", type="bool", writer="wcs", access="rw"),
        tags.holding("Eye", 4, table="discrete", type="bool"),
        tags.holding("Level", 8, table="input", type="int16"),
    ]
    async with south.kept(modbus.keep, south.modbus(modbus_device), table) as image:
        await south.until(lambda: image.good)
        assert [image.value(name) for name in ("Lamp", "Eye", "Level")] == [True, True, -2]
        await image.write([("Lamp", False)])
        assert modbus_device.words[4] == 0
    assert wrote(modbus_device) == [(15, 4, 1)]
    with pytest.raises(ConfigError, match="Level: reading input needs function 4"):
        await modbus.keep(south.modbus(modbus_device, functions=[1, 2, 3, 15]), table, ProcessImage(table))


# writes that wait together


async def test_neighbouring_writes_that_wait_go_out_as_one_in_their_order(modbus_device, south, tags) -> None:
    async with south.kept(modbus.keep, south.modbus(modbus_device), tags.modbus) as image:
        await south.until(lambda: image.good)
        modbus_device.delay_s = 0.05
        async with asyncio.TaskGroup() as group:
            group.create_task(image.write([("Far", 1)]))  # on its way; the others wait behind it
            await asyncio.sleep(0.02)
            for values in (
                [("Beat", 1), ("Epoch", 2)],
                [("Id", 0x30004), ("Number", 5)],
                [("Number", 6)],  # the same word: never together
                [("Far", 9)],  # not a neighbour
                [("Beat", 7)],
                [("Epoch", 8)],
            ):
                group.create_task(image.write(values))
        assert image.figures()["coalesced"] == 2
    assert wrote(modbus_device) == [(16, 1010, 1), (16, 1000, 5), (16, 1004, 1), (16, 1010, 1), (16, 1000, 2)]
    assert [modbus_device.words[at] for at in (1000, 1001, 1002, 1003, 1004, 1010)] == [7, 8, 3, 4, 6, 9]


async def test_coalescing_keeps_to_max_write_and_to_reads_between(modbus_device, south, tags) -> None:
    async with south.kept(modbus.keep, south.modbus(modbus_device, max_write=3), tags.modbus) as image:
        await south.until(lambda: image.good)
        modbus_device.delay_s = 0.03
        async with asyncio.TaskGroup() as group:
            group.create_task(image.write([("Far", 1)]))
            await asyncio.sleep(0.01)
            group.create_task(image.write([("Beat", 1), ("Epoch", 2)]))
            group.create_task(image.write([("Id", 3)]))
            await asyncio.sleep(0)
            group.create_task(image.refresh(["Slot.Head"]))
            await asyncio.sleep(0)
            group.create_task(image.write([("Number", 5)]))
    writes = [request for request in wrote(modbus_device) if request[1] != 1010]
    assert writes == [(16, 1000, 2), (16, 1002, 2), (16, 1004, 1)]


async def test_of_writes_refused_together_each_is_tried_alone(modbus_device, south, tags) -> None:
    async with south.kept(modbus.keep, south.modbus(modbus_device), tags.modbus) as image:
        await south.until(lambda: image.good)
        modbus_device.refused[1004] = 3
        modbus_device.delay_s = 0.03
        async with asyncio.TaskGroup() as group:
            group.create_task(image.write([("Far", 1)]))
            await asyncio.sleep(0.01)
            good = group.create_task(image.write([("Beat", 1), ("Epoch", 2), ("Id", 3)]))
            bad = group.create_task(refused(image, "Number"))
        assert good.exception() is None
        assert bad.result()
    assert modbus_device.words[1001] == 2
    assert 1004 not in modbus_device.words


async def refused(image: ProcessImage, name: str) -> bool:
    try:
        await image.write([(name, 5)])
    except WriteRejected:
        return True
    return False


# gateways


def units(south, device, **fields) -> list[DeviceSettings]:
    poll = PollSettings(fast=20)
    return [south.modbus(device, unit=unit, poll=poll, **fields) for unit in (1, 2, 3)]


@pytest.mark.parametrize("connections", [1, 2])
async def test_devices_behind_one_gateway_share_its_connections(modbus_device, south, tags, connections: int) -> None:
    table = [tags.holding("BootCount", 1), tags.holding("Number", 1004, writer="wcs", access="rw")]
    first, second, third = units(south, modbus_device, connections=connections)
    async with (
        south.kept(modbus.keep, first, table) as one,
        south.kept(modbus.keep, second, table) as two,
        south.kept(modbus.keep, third, table) as three,
    ):
        await south.until(lambda: one.good and two.good and three.good)
        for image in (one, two, three):
            await image.write([("Number", 1)])
        await modbus_device.stop()
        await south.until(lambda: not (one.good or two.good or three.good))
        await modbus_device.start()
        await south.until(lambda: one.good and two.good and three.good)
        assert modbus_device.connections == connections
    assert modbus_device.most_connections == connections
    assert {unit for unit, *_ in modbus_device.requests} == {1, 2, 3}
    assert gateway._gateways == {}
    await south.until(lambda: modbus_device.connections == 0)


@pytest.mark.parametrize("answer", [11, 0])
async def test_dead_unit_loses_its_own_link_only(modbus_device, south, tags, answer: int) -> None:
    table = [tags.holding("BootCount", 1)]
    first, second, _ = units(south, modbus_device)
    async with south.kept(modbus.keep, first, table) as one, south.kept(modbus.keep, second, table) as two:
        await south.until(lambda: one.good and two.good)
        modbus_device.dead_units[2] = answer
        await south.until(lambda: not two.good)
        assert two.reason == ("gateway target silent (11)" if answer else "3 requests without an answer")
        await asyncio.sleep(0.3)
        assert one.good
        assert one.counts.counts["links_lost"] == 0
        modbus_device.dead_units.clear()
        await south.until(lambda: two.good)
        assert one.counts.counts["links_lost"] == 0


async def test_with_one_connection_what_is_asked_goes_before_what_is_polled(modbus_device, south, tags) -> None:
    """The polls of three devices would fill the line for longer than an ask may take."""
    table = [tags.holding("BootCount", 1), tags.holding("Number", 1004, writer="wcs", access="rw", poll_class="slow")]
    modbus_device.delay_s = 0.02
    devices = [
        one.model_copy(update={"poll": PollSettings(fast=1, slow=60_000)})
        for one in units(south, modbus_device, connections=1)
    ]
    async with (
        south.kept(modbus.keep, devices[0], table) as one,
        south.kept(modbus.keep, devices[1], table) as two,
        south.kept(modbus.keep, devices[2], table) as three,
    ):
        await south.until(lambda: one.good and two.good and three.good)
        for number in range(5):
            before = len(modbus_device.requests)
            await one.write([("Number", number)])
            polls = [request for request in modbus_device.requests[before:] if request[1] == 3]
            assert len(polls) <= 2, "the one that was on its way, and the one that came after"


def test_what_devices_of_one_gateway_must_agree_on() -> None:
    site = read_site(Path(__file__).parents[2] / "config" / "site.yaml")
    (first, one), (second, other) = [item for item in site.devices.items() if item[1].driver == "modbus"][:2]
    here = {"host": one.host, "port": one.port}
    for fields, problem in (
        ({**here, "unit": one.unit + 1}, None),
        ({**here, "unit": one.unit}, (("devices", second, "unit"), f"is {first}; give each its own")),
        ({**here, "unit": one.unit + 1, "connections": 1}, (("devices", second), f"with {first}; give both the same")),
    ):
        changed = site.model_copy(update={"devices": {**site.devices, second: other.model_copy(update=fields)}})
        found = list(check_site(changed))
        assert [where for where, _ in found] == ([problem[0]] if problem else [])
        assert all(problem is not None and problem[1] in text for _, text in found)


# TLS


def made_pki(folder: Path) -> None:
    """A CA, and certificates for the device `plc.local` and for the edge."""
    ca_key = ec.generate_private_key(ec.SECP256R1())
    ca_name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "test ca")])
    for stem, names in (
        ("ca", ()),
        ("other", ()),
        ("plc", (x509.DNSName("plc.local"),)),
        ("edge", (x509.DNSName("edge"), x509.IPAddress(ipaddress.ip_address("127.0.0.1")))),
    ):
        is_ca = not names
        key = ca_key if stem == "ca" else ec.generate_private_key(ec.SECP256R1())
        subject = ca_name if is_ca else x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, stem)])
        now = datetime.datetime.now(datetime.UTC)
        builder = (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(ca_name)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - datetime.timedelta(hours=1))
            .not_valid_after(now + datetime.timedelta(hours=1))
            .add_extension(x509.BasicConstraints(ca=is_ca, path_length=None), critical=True)
        )
        if names:
            builder = builder.add_extension(x509.SubjectAlternativeName(names), critical=False)
        signed = builder.sign(key if is_ca else ca_key, hashes.SHA256())
        (folder / f"{stem}.pem").write_bytes(signed.public_bytes(serialization.Encoding.PEM))
        form = (serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
        (folder / f"{stem}.key").write_bytes(key.private_bytes(*form))


def server_context(folder: Path) -> ssl.SSLContext:
    """MB-TCP-Security: a client without a certificate of this CA is turned away."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.load_cert_chain(folder / "plc.pem", folder / "plc.key")
    context.load_verify_locations(folder / "ca.pem")
    context.verify_mode = ssl.CERT_REQUIRED
    return context


def tls(folder: Path, **fields) -> dict[str, str]:
    known = {"ca": folder / "ca.pem", "certificate": folder / "edge.pem", "key": folder / "edge.key"}
    return {name: str(value) for name, value in {**known, "server_name": "plc.local", **fields}.items()}


async def test_modbus_security(south, tags, tmp_path) -> None:
    made_pki(tmp_path)
    device = south.ModbusDevice(server_context(tmp_path))
    await device.start()
    device.words[1] = 4
    async with south.kept(modbus.keep, south.modbus(device, tls=tls(tmp_path)), tags.modbus) as image:
        await south.until(lambda: image.good)
        assert image.value("BootCount") == 4
        await image.write([("Number", 3)])
        assert device.words[1004] == 3
        device.silent = True
        await south.until(lambda: not image.good)
        device.silent = False
        await south.until(lambda: image.good)
    await south.until(lambda: device.connections == 0)
    await device.stop()


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"server_name": "other.local"}, "certificate verify failed"),
        ({"server_name": ""}, "certificate verify failed"),
        ({"ca": "other.pem"}, "certificate verify failed"),
        ({"certificate": "other.pem", "key": "other.key"}, ""),
    ],
)
async def test_wrong_certificates_on_either_side_are_no_link(south, tags, tmp_path, fields, said: str) -> None:
    made_pki(tmp_path)
    device = south.ModbusDevice(server_context(tmp_path))
    await device.start()
    wrong = {name: str(tmp_path / value) if name != "server_name" else value for name, value in fields.items()}
    async with south.kept(modbus.keep, south.modbus(device, tls=tls(tmp_path, **wrong)), tags.modbus) as image:
        await south.until(lambda: image.reason not in ("not connected yet", ""))
        assert said in image.reason
        await asyncio.sleep(0.2)
        assert not image.good
        assert device.requests == []
    await device.stop()


async def test_plain_client_is_no_link(south, tags, tmp_path) -> None:
    made_pki(tmp_path)
    device = south.ModbusDevice(server_context(tmp_path))
    await device.start()
    async with south.kept(modbus.keep, south.modbus(device), tags.modbus) as image:
        await south.until(lambda: image.reason != "not connected yet")
        with pytest.raises(LinkLost):
            await image.write([("Number", 1)])
        assert device.requests == []
    await device.stop()


async def test_missing_files_are_the_installers_fault(south, tags, tmp_path) -> None:
    made_pki(tmp_path)
    (tmp_path / "edge.key").write_text("not a key")
    with pytest.raises(ConfigError, match=r"edge\.key"):
        await modbus.keep(south.modbus(south.ModbusDevice(), tls=tls(tmp_path)), tags.modbus, ProcessImage(tags.modbus))


def test_secure_devices_listen_elsewhere(tmp_path) -> None:
    known = {"driver": "modbus", "tags": "t.csv", "tls": tls(tmp_path)}
    assert DeviceSettings.model_validate(known).port == 802
    assert DeviceSettings.model_validate({**known, "port": 1802}).port == 1802
    assert DeviceSettings.model_validate({"driver": "modbus", "tags": "t.csv"}).port == 502
