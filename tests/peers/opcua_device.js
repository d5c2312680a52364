// A device made with node-opcua: a cell with tags and a MethodSet, secured. One JSON line per order on its input:
// {"set": {"Tag": value}}, {"get": "Tag"}, {"calls": true}, {"hangUp": true}; one JSON line per answer.
// usage: node opcua_device.js PORT PKI; PKI has own/cert.pem and own/key.pem, trusts who lies in trusted/certs.
"use strict";

const path = require("node:path");
const readline = require("node:readline");
const {
  DataType, MessageSecurityMode, OPCUACertificateManager, OPCUAServer, SecurityPolicy, StatusCodes, Variant,
  VariantArrayType,
} = require("node-opcua");

const [port, pki] = process.argv.slice(2);
const STATUS = ["BootCount", "PlcHeartbeat", "ReqSeqLast", "Speed", "CmdAckSeq", "CmdResult", "CmdReason"];
const COMMAND = ["CmdCode", "CmdArg1", "CmdArg2", "CmdArg3", "CmdSeq", "WcsHeartbeat"];
const values = Object.fromEntries([...STATUS, ...COMMAND].map((name) => [name, 0]));
const nodes = {};
const calls = [];

function build(addressSpace) {
  const own = addressSpace.registerNamespace("urn:test:device");
  const cell = own.addObject({ browseName: "Cell", nodeId: "s=Cell", organizedBy: addressSpace.rootFolder.objects });
  for (const [folder, names] of [["Status", STATUS], ["Command", COMMAND]]) {
    const parent = own.addObject({ browseName: folder, nodeId: `s=Cell.${folder}`, componentOf: cell });
    for (const name of names) {
      const access = folder === "Command" ? "CurrentRead | CurrentWrite" : "CurrentRead";
      nodes[name] = own.addVariable({
        browseName: name, nodeId: `s=Cell.${folder}.${name}`, componentOf: parent, dataType: "UInt16",
        accessLevel: access, userAccessLevel: access, value: { dataType: DataType.UInt16, value: 0 },
      });
      nodes[name].on("value_changed", (dataValue) => { values[name] = dataValue.value.value; });
    }
  }
  const methods = own.addObject({ browseName: "MethodSet", nodeId: "s=Cell.MethodSet", componentOf: cell });
  const argument = (name, dataType) => ({ name, dataType, valueRank: -1 });
  for (const name of ["Start", "Hold"]) {
    const method = own.addMethod(methods, {
      browseName: name, nodeId: `s=Cell.MethodSet.${name}`,
      inputArguments: [argument("CmdSeq", DataType.UInt16)],
      outputArguments: [argument("Accepted", DataType.Boolean), argument("Reason", DataType.UInt16)],
    });
    method.bindMethod((given, context, callback) => {
      const number = given[0].value;
      calls.push([name, number]);
      set("CmdAckSeq", number);
      const output = (dataType, value) => new Variant({ dataType, arrayType: VariantArrayType.Scalar, value });
      const accepted = name === "Hold";
      callback(null, {
        statusCode: StatusCodes.Good,
        outputArguments: [output(DataType.Boolean, accepted), output(DataType.UInt16, accepted ? 0 : 1)],
      });
    });
  }
}

function set(name, value) {
  nodes[name].setValueFromSource({ dataType: DataType.UInt16, value });
}

async function main() {
  const serverCertificateManager = new OPCUACertificateManager({
    rootFolder: pki, automaticallyAcceptUnknownCertificate: false,
  });
  await serverCertificateManager.initialize();
  const server = new OPCUAServer({
    port: Number(port),
    hostname: "127.0.0.1",
    serverInfo: { applicationUri: "urn:test:device" },
    certificateFile: path.join(pki, "own", "cert.pem"),
    privateKeyFile: path.join(pki, "own", "key.pem"),
    serverCertificateManager,
    securityModes: [MessageSecurityMode.SignAndEncrypt],
    securityPolicies: [SecurityPolicy.Basic256Sha256, SecurityPolicy.Aes256_Sha256_RsaPss],
    allowAnonymous: true,
  });
  await server.initialize();
  build(server.engine.addressSpace);
  await server.start();
  console.log(JSON.stringify({ ready: true }));

  for await (const line of readline.createInterface({ input: process.stdin })) {
    const order = JSON.parse(line);
    if (order.set) for (const [name, value] of Object.entries(order.set)) set(name, value);
    if (order.hangUp) for (const endpoint of server.endpoints) await endpoint.abruptlyInterruptChannels();
    if (order.forget) for (const session of server.engine.getSessions()) server.engine.closeSession(session.authenticationToken, false, "Timeout");
    const sessions = server.engine.currentSessionCount;
    console.log(JSON.stringify({ value: order.get ? values[order.get] : null, calls, sessions, subscriptions: server.engine.currentSubscriptionCount }));
  }
}

main().catch((error) => {
  console.error(error.message);
  process.exit(1);
});
