// A client made with node-opcua: browses, reads, subscribes, writes and calls a robot cell, with SignAndEncrypt.
// usage: node opcua_client.js URL PKI POLICY; PKI has own/cert.pem and own/key.pem. Prints one JSON line.
"use strict";

const path = require("node:path");
const {
  AttributeIds, ClientMonitoredItem, ClientSubscription, DataType, MessageSecurityMode, OPCUACertificateManager,
  OPCUAClient, SecurityPolicy, TimestampsToReturn,
} = require("node-opcua");

const [url, pki, policy] = process.argv.slice(2);
const NAMESPACE = "urn:wer:plc_sim:dc1";

async function main() {
  const clientCertificateManager = new OPCUACertificateManager({
    rootFolder: path.join(pki, "peer"), automaticallyAcceptUnknownCertificate: true,
  });
  await clientCertificateManager.initialize();
  const client = OPCUAClient.create({
    applicationUri: "urn:test:peer",
    applicationName: "peer",
    securityMode: MessageSecurityMode.SignAndEncrypt,
    securityPolicy: SecurityPolicy[policy],
    certificateFile: path.join(pki, "own", "cert.pem"),
    privateKeyFile: path.join(pki, "own", "key.pem"),
    clientCertificateManager,
    endpointMustExist: false,
    connectionStrategy: { maxRetry: 1, initialDelay: 100 },
  });
  await client.connect(url);
  const session = await client.createSession();
  const index = (await session.readNamespaceArray()).indexOf(NAMESPACE);
  const id = (name) => `ns=${index};s=Cell1.${name}`;

  const browsed = await session.browse({ nodeId: `ns=${index};s=Cell1`, resultMask: 63 });
  const names = browsed.references.map((each) => each.browseName.name);
  const value = async (name) => (await session.read({ nodeId: id(name), attributeId: AttributeIds.Value })).value.value;
  const mapId = await value("Status.MapId");

  const subscription = ClientSubscription.create(session, {
    requestedPublishingInterval: 20, requestedLifetimeCount: 1000, requestedMaxKeepAliveCount: 10,
    maxNotificationsPerPublish: 0, publishingEnabled: true, priority: 0,
  });
  const heard = [];
  const item = ClientMonitoredItem.create(
    subscription, { nodeId: id("Status.StateCurrent"), attributeId: AttributeIds.Value },
    { samplingInterval: 0, queueSize: 10, discardOldest: false }, TimestampsToReturn.Both,
  );
  item.on("changed", (dataValue) => heard.push(dataValue.value.value));
  await new Promise((resolve) => item.once("changed", resolve));

  const variant = (dataType, given) => ({ dataType, value: given });
  const status = async (name, dataType, given) =>
    (await session.write({ nodeId: id(name), attributeId: AttributeIds.Value, value: { value: variant(dataType, given) } })).name;
  const written = await status("Command.WcsHeartbeat", DataType.UInt16, 7);
  const refused = await status("Status.StateCurrent", DataType.UInt16, 7);
  const wrongType = await status("Command.WcsHeartbeat", DataType.Double, 7);

  const call = async (method, number) => {
    const inputArguments = [variant(DataType.UInt16, number)];
    const result = await session.call({ objectId: id("MethodSet"), methodId: id(`MethodSet.${method}`), inputArguments });
    return [result.statusCode.name, ...result.outputArguments.map((each) => each.value)];
  };
  const held = await call("Hold", 11);
  const started = await call("Start", 12);
  const until = Date.now() + 10000;
  while (!heard.includes(11) && Date.now() < until) await new Promise((resolve) => setTimeout(resolve, 20));

  await subscription.terminate();
  await session.close();
  await client.disconnect();
  console.log(JSON.stringify({ names, mapId, written, refused, wrongType, held, started, heard }));
}

main().catch((error) => {
  console.error(error.message);
  process.exit(1);
});
