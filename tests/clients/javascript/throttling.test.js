// A table with one unit a second: calls beyond it are refused, and the SDK comes back until they are served.

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import {
  BatchWriteItemCommand,
  DynamoDBClient,
  ProvisionedThroughputExceededException,
  PutItemCommand,
  ScanCommand,
} from "@aws-sdk/client-dynamodb";
import { DynamoDBDocumentClient, paginatedBatchGet } from "@aws-sdk/lib-dynamodb";
import { createTable, eventually, failure } from "./support.js";

const once = new DynamoDBClient({ maxAttempts: 1 });
/** As the SDK is by default, but that it does not give up after some four seconds. */
const patient = new DynamoDBClient({ maxAttempts: 20 });
const scarce = { ProvisionedThroughput: { ReadCapacityUnits: 1, WriteCapacityUnits: 1 } };
const item = (n) => ({ pk: { S: `item ${n}` } });
/** An item that takes this many seconds of a table's writes. */
const large = (units) => ({ ...item("large"), filling: { S: "x".repeat(1024 * units - 64) } });

async function count(TableName) {
  const { Count } = await patient.send(new ScanCommand({ TableName, Select: "COUNT", ConsistentRead: true }));
  return Count;
}

describe("throttling", { concurrency: true }, () => {
  test("without retries a burst of writes is refused, each with the exception for it", async (t) => {
    const TableName = await createTable(t, "pk S", scarce);
    // A call is measured when it is done, so one may overdraw, and those after it pay: for half a minute here, as a new
    // table begins with a minute of its throughput.
    await once.send(new PutItemCommand({ TableName, Item: large(90) }));
    const burst = [1, 2, 3, 4].map((n) => once.send(new PutItemCommand({ TableName, Item: item(n) })));
    const refusals = burst.map((write) => failure(write, ProvisionedThroughputExceededException));
    for (const error of await Promise.all(refusals)) {
      assert.equal(error.name, "ProvisionedThroughputExceededException");
      assert.match(error.message, /^The level of configured provisioned throughput for the table was exceeded\./);
      assert.equal(error.$metadata.httpStatusCode, 400);
      const [reason] = error.ThrottlingReasons;
      assert.equal(reason.reason, "TableWriteProvisionedThroughputExceeded");
      assert.match(reason.resource, new RegExp(`:table/${TableName}$`));
    }
    // Reads have a unit of their own.
    assert.equal(await count(TableName), 1);
  });

  // What a table does not use, it saves for later: a dawdling machine may have to ask it for more than once.

  for (const retryMode of ["standard", "adaptive"]) {
    test(`with ${retryMode} retries the same writes all succeed`, async (t) => {
      const TableName = await createTable(t, "pk S", scarce);
      const retrying = new DynamoDBClient({ retryMode, maxAttempts: 20 });
      await eventually("a write is retried", async () => {
        await patient.send(new PutItemCommand({ TableName, Item: large(3) }));
        const burst = [1, 2].map((n) => retrying.send(new PutItemCommand({ TableName, Item: item(n) })));
        const written = await Promise.all(burst);
        return written.some(({ $metadata }) => $metadata.attempts > 1 && $metadata.totalRetryDelay > 0);
      });
      assert.equal(await count(TableName), 3);
    });
  }

  test("what a batch of writes leaves unprocessed is written by sending it again", async (t) => {
    const TableName = await createTable(t, "pk S", scarce);
    const puts = [large(3), item(1), item(2)].map((Item) => ({ PutRequest: { Item } }));
    // The SDK retries a batch that is refused as a whole; what is left of one is the caller's to send again.
    const write = async (requests) => {
      const request = new BatchWriteItemCommand({ RequestItems: { [TableName]: requests } });
      return (await patient.send(request)).UnprocessedItems[TableName] ?? [];
    };
    let left = await eventually("a batch is not all written", async () => {
      const unprocessed = await write(puts);
      return unprocessed.length > 0 && unprocessed;
    });
    assert.ok(left.length < puts.length, "nothing of the batch is written");
    await eventually("the rest is written", async () => {
      left = await write(left);
      return left.length === 0;
    });
    assert.equal(await count(TableName), 3);
  });

  test("what a batch of reads leaves unprocessed is read by the SDK's own pages", async (t) => {
    const TableName = await createTable(t, "pk S", {
      ProvisionedThroughput: { ReadCapacityUnits: 1, WriteCapacityUnits: 100 },
    });
    const items = [large(20), item(1), item(2)];
    for (const Item of items) await patient.send(new PutItemCommand({ TableName, Item }));
    const Keys = items.map(({ pk }) => ({ pk: pk.S }));
    const request = { RequestItems: { [TableName]: { Keys, ProjectionExpression: "pk" } } };
    await eventually("a batch is read in more than one page", async () => {
      const pages = [];
      for await (const page of paginatedBatchGet({ client: DynamoDBDocumentClient.from(patient) }, request)) {
        pages.push(page.Responses[TableName] ?? []);
      }
      assert.deepEqual(new Set(pages.flat().map(({ pk }) => pk)), new Set(Keys.map(({ pk }) => pk)));
      assert.equal(pages.flat().length, Keys.length);
      return pages.length > 1;
    });
  });
});
