// The parameters from before there were expressions, which the SDK still sends.

import assert from "node:assert/strict";
import { test } from "node:test";
import {
  ConditionalCheckFailedException,
  PutItemCommand,
  QueryCommand,
  ScanCommand,
  UpdateItemCommand,
} from "@aws-sdk/client-dynamodb";
import { client, createTable, failure } from "./support.js";

test("Expected, AttributeUpdates, KeyConditions and the filters mean what they always did", async (t) => {
  const TableName = await createTable(t, "pk S, sk N");
  const item = (sk, n) => ({ pk: { S: "p" }, sk: { N: `${sk}` }, n: { N: `${n}` } });
  const absent = { pk: { Exists: false } };
  for (const sk of [1, 2, 3]) {
    await client.send(new PutItemCommand({ TableName, Item: item(sk, 10 * sk), Expected: absent }));
  }
  const again = client.send(new PutItemCommand({ TableName, Item: item(1, 0), Expected: absent }));
  await failure(again, ConditionalCheckFailedException);

  const { Attributes } = await client.send(
    new UpdateItemCommand({
      TableName,
      Key: { pk: { S: "p" }, sk: { N: "3" } },
      AttributeUpdates: { n: { Action: "ADD", Value: { N: "5" } } },
      Expected: { n: { ComparisonOperator: "GE", AttributeValueList: [{ N: "30" }] } },
      ReturnValues: "ALL_NEW",
    }),
  );
  assert.deepEqual(Attributes, item(3, 35));

  const p = { ComparisonOperator: "EQ", AttributeValueList: [{ S: "p" }] };
  const query = await client.send(
    new QueryCommand({
      TableName,
      KeyConditions: { pk: p, sk: { ComparisonOperator: "GT", AttributeValueList: [{ N: "1" }] } },
      QueryFilter: { n: { ComparisonOperator: "LT", AttributeValueList: [{ N: "35" }] } },
      AttributesToGet: ["n"],
    }),
  );
  assert.deepEqual([query.Items, query.ScannedCount], [[{ n: { N: "20" } }], 2]);
  const ScanFilter = { n: { ComparisonOperator: "IN", AttributeValueList: [{ N: "10" }, { N: "35" }] } };
  const scan = await client.send(new ScanCommand({ TableName, ScanFilter }));
  assert.deepEqual(scan.Items, [item(1, 10), item(3, 35)]);
});
