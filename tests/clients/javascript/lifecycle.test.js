// A table and its items from their beginning to their end.

import assert from "node:assert/strict";
import { test } from "node:test";
import {
  BatchGetItemCommand,
  BatchWriteItemCommand,
  CreateTableCommand,
  DeleteItemCommand,
  DeleteTableCommand,
  DescribeEndpointsCommand,
  DescribeLimitsCommand,
  DescribeTableCommand,
  GetItemCommand,
  PutItemCommand,
  ResourceNotFoundException,
  UpdateItemCommand,
  UpdateTableCommand,
  waitUntilTableExists,
  waitUntilTableNotExists,
} from "@aws-sdk/client-dynamodb";
import { client, createTable, definition, eventually, failure, patience } from "./support.js";

test("a table is created with its indexes, waited for, described, and deleted for good", async () => {
  const request = definition("course S, lesson N", {
    AttributeDefinitions: [
      { AttributeName: "course", AttributeType: "S" },
      { AttributeName: "lesson", AttributeType: "N" },
      { AttributeName: "teacher", AttributeType: "S" },
      { AttributeName: "minutes", AttributeType: "N" },
    ],
    GlobalSecondaryIndexes: [
      {
        IndexName: "by-teacher",
        KeySchema: [
          { AttributeName: "teacher", KeyType: "HASH" },
          { AttributeName: "minutes", KeyType: "RANGE" },
        ],
        Projection: { ProjectionType: "ALL" },
      },
    ],
    LocalSecondaryIndexes: [
      {
        IndexName: "by-minutes",
        KeySchema: [
          { AttributeName: "course", KeyType: "HASH" },
          { AttributeName: "minutes", KeyType: "RANGE" },
        ],
        Projection: { ProjectionType: "INCLUDE", NonKeyAttributes: ["title"] },
      },
    ],
  });
  const table = { TableName: request.TableName };

  const { TableDescription: created } = await client.send(new CreateTableCommand(request));
  assert.equal(created.TableName, request.TableName);
  assert.equal(created.TableStatus, "CREATING");
  const { state, reason } = await waitUntilTableExists(patience, table);
  assert.equal(state, "SUCCESS");
  assert.equal(reason.Table.TableStatus, "ACTIVE");

  const { Table: described } = await client.send(new DescribeTableCommand(table));
  assert.deepEqual(described.KeySchema, request.KeySchema);
  assert.equal(described.BillingModeSummary.BillingMode, "PAY_PER_REQUEST");
  assert.ok(described.CreationDateTime instanceof Date);
  assert.ok(Math.abs(described.CreationDateTime - Date.now()) < 60_000, `${described.CreationDateTime}`);
  assert.equal(described.TableArn, created.TableArn);
  assert.equal(described.TableId, created.TableId);
  const [byTeacher] = described.GlobalSecondaryIndexes;
  assert.deepEqual(byTeacher.KeySchema, request.GlobalSecondaryIndexes[0].KeySchema);
  assert.equal(byTeacher.IndexStatus, "ACTIVE");
  const [byMinutes] = described.LocalSecondaryIndexes;
  assert.deepEqual(byMinutes.KeySchema, request.LocalSecondaryIndexes[0].KeySchema);
  assert.deepEqual(byMinutes.Projection, request.LocalSecondaryIndexes[0].Projection);

  const { TableDescription: deleted } = await client.send(new DeleteTableCommand(table));
  assert.equal(deleted.TableStatus, "DELETING");
  assert.equal((await waitUntilTableNotExists(patience, table)).state, "SUCCESS");
  await failure(client.send(new DescribeTableCommand(table)), ResourceNotFoundException);
});

test("an item is put, replaced, updated, read and deleted, and tells what it was", async (t) => {
  const TableName = await createTable(t, "pk S");
  const Key = { pk: { S: "a" } };
  const read = async () => (await client.send(new GetItemCommand({ TableName, Key, ConsistentRead: true }))).Item;
  assert.equal(await read(), undefined);

  const first = { ...Key, count: { N: "1" }, colour: { S: "red" } };
  const put = await client.send(new PutItemCommand({ TableName, Item: first, ReturnValues: "ALL_OLD" }));
  assert.equal(put.Attributes, undefined);
  assert.deepEqual(await read(), first);

  const second = { ...Key, count: { N: "2" } };
  const replaced = await client.send(new PutItemCommand({ TableName, Item: second, ReturnValues: "ALL_OLD" }));
  assert.deepEqual(replaced.Attributes, first);

  const updated = await client.send(
    new UpdateItemCommand({
      TableName,
      Key,
      UpdateExpression: "SET #c = #c + :more, words = list_append(if_not_exists(words, :none), :word)",
      ExpressionAttributeNames: { "#c": "count" },
      ExpressionAttributeValues: { ":more": { N: "40" }, ":none": { L: [] }, ":word": { L: [{ S: "one" }] } },
      ReturnValues: "UPDATED_NEW",
      ReturnConsumedCapacity: "TOTAL",
    }),
  );
  assert.deepEqual(updated.Attributes, { count: { N: "42" }, words: { L: [{ S: "one" }] } });
  assert.deepEqual(updated.ConsumedCapacity, { TableName, CapacityUnits: 1 });
  const projected = await client.send(new GetItemCommand({ TableName, Key, ProjectionExpression: "words[0]" }));
  assert.deepEqual(projected.Item, { words: { L: [{ S: "one" }] } });

  const deleted = await client.send(new DeleteItemCommand({ TableName, Key, ReturnValues: "ALL_OLD" }));
  assert.deepEqual(deleted.Attributes, { ...Key, count: { N: "42" }, words: { L: [{ S: "one" }] } });
  assert.equal(await read(), undefined);
});

test("a batch of puts and deletions is written, and read back as one", async (t) => {
  const TableName = await createTable(t, "pk S");
  const item = (n) => ({ pk: { S: `item ${n}` }, n: { N: `${n}` } });
  const items = Array.from({ length: 25 }, (_, n) => item(n));
  const written = await client.send(
    new BatchWriteItemCommand({ RequestItems: { [TableName]: items.map((Item) => ({ PutRequest: { Item } })) } }),
  );
  assert.deepEqual(written.UnprocessedItems, {});
  const deletions = items.slice(0, 5).map(({ pk }) => ({ DeleteRequest: { Key: { pk } } }));
  await client.send(new BatchWriteItemCommand({ RequestItems: { [TableName]: deletions } }));

  const Keys = items.map(({ pk }) => ({ pk }));
  const answer = await client.send(new BatchGetItemCommand({ RequestItems: { [TableName]: { Keys } } }));
  assert.deepEqual(answer.UnprocessedKeys, {});
  const read = answer.Responses[TableName].sort((a, b) => a.n.N - b.n.N);
  assert.deepEqual(read, items.slice(5));
});

test("a table is changed while it lives", async (t) => {
  const TableName = await createTable(t, "pk S");
  const table = async () => (await client.send(new DescribeTableCommand({ TableName }))).Table;
  const settled = (what, done) =>
    eventually(what, async () => {
      const now = await table();
      return now.TableStatus === "ACTIVE" && done(now);
    });

  await client.send(new UpdateTableCommand({ TableName, DeletionProtectionEnabled: true }));
  await settled("protected", (now) => now.DeletionProtectionEnabled);
  const refusal = await failure(client.send(new DeleteTableCommand({ TableName })), Error);
  assert.equal(refusal.name, "ValidationException");
  await client.send(new UpdateTableCommand({ TableName, DeletionProtectionEnabled: false }));
  await settled("no longer protected", (now) => !now.DeletionProtectionEnabled);

  const ProvisionedThroughput = { ReadCapacityUnits: 7, WriteCapacityUnits: 8 };
  await client.send(new UpdateTableCommand({ TableName, BillingMode: "PROVISIONED", ProvisionedThroughput }));
  await settled("provisioned", (now) => now.ProvisionedThroughput.WriteCapacityUnits === 8);
});

test("the service tells its limits and its endpoints", async () => {
  // Which limits are enforced is Cairn's own member: an SDK may pass it on.
  const { $metadata: _, CapacityLimits, ...limits } = await client.send(new DescribeLimitsCommand({}));
  assert.deepEqual(limits, {
    AccountMaxReadCapacityUnits: 80_000,
    AccountMaxWriteCapacityUnits: 80_000,
    TableMaxReadCapacityUnits: 40_000,
    TableMaxWriteCapacityUnits: 40_000,
  });
  assert.ok([undefined, "provisioned"].includes(CapacityLimits), CapacityLimits);
  const { Endpoints } = await client.send(new DescribeEndpointsCommand({}));
  assert.equal(Endpoints.length, 1);
  assert.equal(Endpoints[0].Address, new URL(process.env.AWS_ENDPOINT_URL_DYNAMODB).host);
  assert.ok(Endpoints[0].CachePeriodInMinutes > 0);
});
