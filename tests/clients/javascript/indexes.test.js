// Reading by the table's key and by indexes, and indexes that come and go.

import assert from "node:assert/strict";
import { test } from "node:test";
import { DescribeTableCommand, UpdateTableCommand } from "@aws-sdk/client-dynamodb";
import { BatchWriteCommand, QueryCommand, ScanCommand } from "@aws-sdk/lib-dynamodb";
import { client, createTable, documents, eventually } from "./support.js";

const LESSONS = [
  { course: "go", lesson: 1, teacher: "rob", minutes: 30 },
  { course: "go", lesson: 2, teacher: "ken", minutes: 10 },
  { course: "go", lesson: 3, teacher: "rob", minutes: 20 },
  { course: "js", lesson: 1, teacher: "rob", minutes: 5 },
  { course: "js", lesson: 2 },
];

const byTeacher = {
  IndexName: "by-teacher",
  KeySchema: [
    { AttributeName: "teacher", KeyType: "HASH" },
    { AttributeName: "minutes", KeyType: "RANGE" },
  ],
  Projection: { ProjectionType: "KEYS_ONLY" },
};
const byMinutes = {
  IndexName: "by-minutes",
  KeySchema: [
    { AttributeName: "course", KeyType: "HASH" },
    { AttributeName: "minutes", KeyType: "RANGE" },
  ],
  Projection: { ProjectionType: "ALL" },
};
const types = { course: "S", lesson: "N", teacher: "S", minutes: "N" };
const attributes = (...names) => names.map((name) => ({ AttributeName: name, AttributeType: types[name] }));

/** A table with the lessons above. */
async function lessons(t, settings) {
  const TableName = await createTable(t, "course S, lesson N", settings);
  const puts = LESSONS.map((Item) => ({ PutRequest: { Item } }));
  await documents.send(new BatchWriteCommand({ RequestItems: { [TableName]: puts } }));
  return TableName;
}

async function query(TableName, KeyConditionExpression, ExpressionAttributeValues, more) {
  const request = { TableName, KeyConditionExpression, ExpressionAttributeValues, ...more };
  return (await documents.send(new QueryCommand(request))).Items;
}

test("a query reads the table, its global index and its local index in the order of their keys", async (t) => {
  const table = await lessons(t, {
    AttributeDefinitions: attributes("course", "lesson", "teacher", "minutes"),
    GlobalSecondaryIndexes: [byTeacher],
    LocalSecondaryIndexes: [byMinutes],
  });
  const [go1, go2, go3, js1] = LESSONS;

  const beginning = await query(table, "course = :c AND lesson < :l", { ":c": "go", ":l": 3 });
  assert.deepEqual(beginning, [go1, go2]);
  const backwards = await query(table, "course = :c", { ":c": "go" }, { ScanIndexForward: false });
  assert.deepEqual(backwards, [go3, go2, go1]);
  const robs = await query(table, "teacher = :t", { ":t": "rob" }, { IndexName: "by-teacher" });
  assert.deepEqual(robs, [js1, go3, go1]);
  const short = await query(
    table,
    "course = :c AND minutes <= :m",
    { ":c": "go", ":m": 20 },
    { IndexName: "by-minutes", ConsistentRead: true },
  );
  assert.deepEqual(short, [go2, go3]);
});

test("a scan filters what it read and says how much that was", async (t) => {
  const TableName = await lessons(t);
  const { Items, Count, ScannedCount } = await documents.send(
    new ScanCommand({
      TableName,
      FilterExpression: "teacher = :t AND minutes > :m",
      ExpressionAttributeValues: { ":t": "rob", ":m": 5 },
    }),
  );
  const [go1, , go3] = LESSONS;
  assert.deepEqual([Items, Count, ScannedCount], [[go1, go3], 2, 5]);
});

test("an index is added to a live table, filled with what was there, and taken away", async (t) => {
  const TableName = await lessons(t);
  const indexes = async () => {
    const { Table } = await client.send(new DescribeTableCommand({ TableName }));
    return Table.TableStatus === "ACTIVE" && (Table.GlobalSecondaryIndexes ?? []);
  };

  const { TableDescription } = await client.send(
    new UpdateTableCommand({
      TableName,
      AttributeDefinitions: attributes("course", "lesson", "teacher", "minutes"),
      GlobalSecondaryIndexUpdates: [{ Create: byTeacher }],
    }),
  );
  assert.equal(TableDescription.GlobalSecondaryIndexes[0].IndexStatus, "CREATING");
  const [index] = await eventually("the index is active", async () => {
    const now = await indexes();
    return now && now[0]?.IndexStatus === "ACTIVE" && now;
  });
  assert.equal(index.ItemCount, 4);
  const [go1, , go3, js1] = LESSONS;
  const robs = await query(TableName, "teacher = :t", { ":t": "rob" }, { IndexName: "by-teacher" });
  assert.deepEqual(robs, [js1, go3, go1]);

  const Delete = { IndexName: "by-teacher" };
  await client.send(new UpdateTableCommand({ TableName, GlobalSecondaryIndexUpdates: [{ Delete }] }));
  await eventually("the index is gone", async () => (await indexes())?.length === 0);
});
