// What is read a page at a time: nothing is lost and nothing comes twice.

import assert from "node:assert/strict";
import { test } from "node:test";
import {
  DynamoDBClient,
  paginateListTables,
  paginateQuery,
  paginateScan,
  PutItemCommand,
  ScanCommand,
} from "@aws-sdk/client-dynamodb";
import * as lib from "@aws-sdk/lib-dynamodb";
import { all, client, createTable, documents } from "./support.js";

const numbers = (n) => Array.from({ length: n }, (_, index) => index);
const byKey = { KeyConditionExpression: "pk = :p" };

/** One partition takes a thousand units a second, and large items come to more. */
const patient = new DynamoDBClient({ maxAttempts: 20 });

/** A table with items of one partition, numbered from 0 by their sort key. */
async function numbered(t, amount, filling) {
  const TableName = await createTable(t, "pk S, sk N");
  await Promise.all(
    numbers(amount).map((n) => {
      const Item = { pk: { S: "p" }, sk: { N: `${n}` }, filling: { S: filling } };
      return patient.send(new PutItemCommand({ TableName, Item }));
    }),
  );
  return TableName;
}

async function pagesOf(paginator) {
  const pages = [];
  for await (const page of paginator) pages.push(page);
  return pages;
}

test("a page ends at a megabyte, and the next begins where it ended", async (t) => {
  const TableName = await numbered(t, 10, "x".repeat(300_000));
  const ExpressionAttributeValues = { ":p": { S: "p" } };
  for (const paginator of [
    paginateQuery({ client }, { TableName, ...byKey, ExpressionAttributeValues }),
    paginateScan({ client }, { TableName }),
  ]) {
    const pages = await pagesOf(paginator);
    assert.deepEqual(
      pages.map(({ Items }) => Items.length),
      [4, 4, 2],
    );
    assert.deepEqual(
      pages.flatMap(({ Items }) => Items.map(({ sk }) => Number(sk.N))),
      numbers(10),
    );
    assert.deepEqual(pages[0].LastEvaluatedKey, { pk: { S: "p" }, sk: { N: "3" } });
    assert.equal(pages.at(-1).LastEvaluatedKey, undefined);
  }
});

test("a page ends at its limit, whatever a filter leaves of it", async (t) => {
  const TableName = await numbered(t, 23, "");
  const query = paginateQuery(
    { client, pageSize: 5 },
    { TableName, ...byKey, ExpressionAttributeValues: { ":p": { S: "p" } }, ScanIndexForward: false },
  );
  const backwards = (await all(query, "Items")).map(({ sk }) => Number(sk.N));
  assert.deepEqual(backwards, numbers(23).reverse());
  const scan = paginateScan(
    { client, pageSize: 4 },
    { TableName, FilterExpression: "sk >= :n", ExpressionAttributeValues: { ":n": { N: "18" } } },
  );
  const pages = await pagesOf(scan);
  assert.deepEqual(
    pages.map(({ ScannedCount, Count }) => [ScannedCount, Count]),
    [[4, 0], [4, 0], [4, 0], [4, 0], [4, 2], [3, 3]],
  );
});

test("the document client's pages are the same", async (t) => {
  const TableName = await numbered(t, 23, "");
  const config = { client: documents, pageSize: 7 };
  const query = { TableName, ...byKey, ExpressionAttributeValues: { ":p": "p" } };
  for (const paginator of [lib.paginateQuery(config, query), lib.paginateScan(config, { TableName })]) {
    const pages = await pagesOf(paginator);
    assert.deepEqual(
      pages.map(({ Items }) => Items.length),
      [7, 7, 7, 2],
    );
    assert.deepEqual(
      pages.flatMap(({ Items }) => Items.map(({ sk }) => sk)),
      numbers(23),
    );
  }
});

test("the segments of a parallel scan make up the table", async (t) => {
  const TableName = await createTable(t, "pk S");
  const pks = numbers(60).map((n) => `item ${n}`);
  await Promise.all(pks.map((pk) => client.send(new PutItemCommand({ TableName, Item: { pk: { S: pk } } }))));
  const segments = await Promise.all(
    numbers(4).map((Segment) =>
      all(paginateScan({ client, pageSize: 5 }, { TableName, Segment, TotalSegments: 4 }), "Items"),
    ),
  );
  for (const items of segments) assert.ok(items.length < pks.length, "one segment is the whole table");
  assert.deepEqual(segments.flat().map(({ pk }) => pk.S).sort(), pks.sort());
  const { Count } = await client.send(new ScanCommand({ TableName, Select: "COUNT" }));
  assert.equal(Count, pks.length);
});

test("tables are listed by name, all of them once", async (t) => {
  const mine = [];
  for (const _ of numbers(5)) mine.push(await createTable(t, "pk S"));
  // Other suites make and delete tables meanwhile: what is listed is compared as far as it is of this test.
  const pages = await pagesOf(paginateListTables({ client, pageSize: 2 }, {}));
  const listed = pages.flatMap(({ TableNames }) => TableNames);
  assert.ok(pages.every(({ TableNames }) => TableNames.length <= 2));
  assert.deepEqual(listed, [...new Set(listed)].sort());
  assert.deepEqual(
    listed.filter((name) => mine.includes(name)),
    mine.sort(),
  );
});
