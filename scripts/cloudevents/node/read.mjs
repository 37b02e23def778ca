// Reads every message of the stream with the CloudEvents SDK for JavaScript: NATS_URL and EVENTS, the number of
// messages, are in the environment. The SDK has no binding for NATS; HTTP's binary mode has the same headers.
import { jetstream } from "@nats-io/jetstream";
import { connect } from "@nats-io/transport-node";
import { CloudEvent, HTTP } from "cloudevents";

function equal(what, is, wanted) {
  if (is !== wanted) throw new Error(`${what} is ${JSON.stringify(is)}, not ${JSON.stringify(wanted)}`);
}

function check(message) {
  const headers = Object.fromEntries(message.headers.keys().map((name) => [name, message.headers.get(name)]));
  const read = HTTP.toEvent({ headers, body: message.string() });
  // The strict constructor refuses what the specification does.
  new CloudEvent({ ...read.toJSON(), data: read.data });
  const { id, subject, data, metadata } = read.data;
  equal("id", read.id, id);
  equal("the name in the body", subject, message.subject);
  equal("type", read.type, `io.github.watchword-auth.${message.subject}.v1`);
  equal("source", read.source, "https://auth.example.com");
  equal("subject", read.subject, data.userId);
  equal("time", read.time, data.timestamp);
  equal("datacontenttype", read.datacontenttype, "application/json");
  equal("dataschema", read.dataschema, metadata.dataschema);
  equal("partitionkey", read.partitionkey, data.userId);
  equal("sequence", read.sequence, data.userSeq === undefined ? undefined : String(data.userSeq).padStart(19, "0"));
  equal("traceparent", read.traceparent, metadata.traceparent);
}

const wanted = Number(process.env.EVENTS);
const connection = await connect({ servers: process.env.NATS_URL });
try {
  const consumer = await jetstream(connection).consumers.get("auth-events");
  for (let read = 0; read < wanted; read += 1) {
    const message = await consumer.next({ expires: 10_000 });
    if (!message) throw new Error(`only ${read} events`);
    try {
      check(message);
    } catch (error) {
      throw new Error(`${message.subject}: ${error.message}`, { cause: error });
    }
  }
  console.error(`    node: cloudevents read ${wanted} events`);
} finally {
  await connection.close();
}
