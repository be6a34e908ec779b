// What the suites share: clients of the server that the environment names, and tables that go when their test ends.

import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { setTimeout as pause } from "node:timers/promises";
import {
  CreateTableCommand,
  DeleteTableCommand,
  DynamoDBClient,
  waitUntilTableExists,
  waitUntilTableNotExists,
} from "@aws-sdk/client-dynamodb";
import { DynamoDBDocumentClient } from "@aws-sdk/lib-dynamodb";

if (!process.env.AWS_ENDPOINT_URL_DYNAMODB) {
  throw new Error("AWS_ENDPOINT_URL_DYNAMODB is not set: these suites run beside a server, by `make clients`");
}

/** Everything it needs, it finds in the environment. */
export const client = new DynamoDBClient({});

/** The same in JavaScript's own values. */
export const documents = DynamoDBDocumentClient.from(client, {
  marshallOptions: { removeUndefinedValues: true },
});

/** How the SDK's waiters are to wait: its own 20 seconds between two looks are for tables far away. */
export const patience = { client, minDelay: 0.02, maxDelay: 0.5, maxWaitTime: 30 };

/** The credentials that the environment holds under a prefix, such as `CAIRN_TEST_READER`. */
export function credentials(prefix) {
  return {
    accessKeyId: process.env[`${prefix}_ACCESS_KEY_ID`],
    secretAccessKey: process.env[`${prefix}_SECRET_ACCESS_KEY`],
  };
}

/** The request that makes a table of a key such as `pk S, sk N`, on demand unless it is given throughput. */
export function definition(key, settings = {}) {
  const attributes = key.split(", ").map((attribute) => attribute.split(" "));
  return {
    TableName: `javascript-${randomUUID()}`,
    BillingMode: settings.ProvisionedThroughput ? "PROVISIONED" : "PAY_PER_REQUEST",
    KeySchema: attributes.map(([name], place) => ({ AttributeName: name, KeyType: place ? "RANGE" : "HASH" })),
    AttributeDefinitions: attributes.map(([name, type]) => ({ AttributeName: name, AttributeType: type })),
    ...settings,
  };
}

/** The name of a new table that is ready, and is deleted once the test `t` is over. */
export async function createTable(t, key, settings) {
  const request = definition(key, settings);
  const table = { TableName: request.TableName };
  await client.send(new CreateTableCommand(request));
  t.after(async () => {
    await client.send(new DeleteTableCommand(table));
    await waitUntilTableNotExists(patience, table);
  });
  await waitUntilTableExists(patience, table);
  return table.TableName;
}

/** What `probe` finds, once it finds something; it has half a minute. */
export async function eventually(what, probe) {
  const deadline = Date.now() + 30_000;
  for (;;) {
    const found = await probe();
    if (found) return found;
    assert.ok(Date.now() < deadline, `not within half a minute: ${what}`);
    await pause(20);
  }
}

/** The error of a call that has to fail as an instance of `type`. */
export async function failure(call, type) {
  const error = await call.then(
    () => assert.fail(`the call succeeded, where ${type.name} was expected`),
    (error) => error,
  );
  assert.ok(error instanceof type, error.stack);
  return error;
}

/** The elements of all pages, in order. */
export async function all(pages, member) {
  const elements = [];
  for await (const page of pages) elements.push(...page[member]);
  return elements;
}
