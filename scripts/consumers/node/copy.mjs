// Keeps a copy of the accounts, one file for each user in COPY_DIR. NATS_URL and DURABLE, the durable consumer, are in
// the environment.
import { readFileSync, renameSync, writeFileSync } from "node:fs";
import { jetstream } from "@nats-io/jetstream";
import { connect } from "@nats-io/transport-node";

const file = (user) => `${process.env.COPY_DIR}/${user}.json`;

function load(user) {
  try {
    return JSON.parse(readFileSync(file(user), "utf8"));
  } catch (error) {
    if (error.code === "ENOENT") return { seq: 0 };
    throw error;
  }
}

// The number and the change become visible together: in a database, by one transaction.
function save(user, row) {
  writeFileSync(`${file(user)}.new`, JSON.stringify(row));
  renameSync(`${file(user)}.new`, file(user));
}

function change(row, data) {
  for (const field of data.changedFields ?? []) delete row[field]; // one that is absent was removed
  for (const field of ["name", "status"]) if (field in data) row[field] = data[field];
  if (row.status === "deleted") delete row.name;
}

// Whether everything before this message is settled: what is missing then will never be delivered.
async function isOldest(consumer, { seq, info }) {
  const { ack_floor: floor } = await consumer.info();
  const isFirst = info.deliveryCount === 1 && floor.consumer_seq + 1 >= info.deliverySequence;
  return isFirst || floor.stream_seq + 1 >= seq;
}

async function handle(consumer, message) {
  const { data } = message.json();
  if (data.userSeq === undefined) return message.ack(); // it has no place in the order
  const row = load(data.userId);
  const next = row.seq + 1;
  if (data.userSeq > next) {
    if (!(await isOldest(consumer, message))) return message.nak(500); // those before it come again
    console.error(`user ${data.userId}: events ${next} to ${data.userSeq - 1} are missing`);
  }
  if (data.userSeq >= next) {
    change(row, data);
    save(data.userId, { ...row, seq: data.userSeq });
  }
  message.ack();
}

const connection = await connect({ servers: process.env.NATS_URL });
const consumer = await jetstream(connection).consumers.get("auth-events", process.env.DURABLE);
for await (const message of await consumer.consume()) await handle(consumer, message);
