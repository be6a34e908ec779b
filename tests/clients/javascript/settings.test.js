// What hangs on a table: time to live, tags, and a policy of its own.

import assert from "node:assert/strict";
import { test } from "node:test";
import {
  DeleteResourcePolicyCommand,
  DescribeTableCommand,
  DescribeTimeToLiveCommand,
  DynamoDBClient,
  GetItemCommand,
  GetResourcePolicyCommand,
  ListTagsOfResourceCommand,
  PolicyNotFoundException,
  PutItemCommand,
  PutResourcePolicyCommand,
  TagResourceCommand,
  UntagResourceCommand,
  UpdateTimeToLiveCommand,
} from "@aws-sdk/client-dynamodb";
import { client, createTable, credentials, eventually, failure } from "./support.js";

async function arnOf(TableName) {
  return (await client.send(new DescribeTableCommand({ TableName }))).Table.TableArn;
}

test("an item whose time has come expires, and others stay", async (t) => {
  const TableName = await createTable(t, "pk S");
  const timeToLive = async () =>
    (await client.send(new DescribeTimeToLiveCommand({ TableName }))).TimeToLiveDescription;
  assert.deepEqual(await timeToLive(), { TimeToLiveStatus: "DISABLED" });
  const TimeToLiveSpecification = { Enabled: true, AttributeName: "until" };
  const answer = await client.send(new UpdateTimeToLiveCommand({ TableName, TimeToLiveSpecification }));
  assert.deepEqual(answer.TimeToLiveSpecification, TimeToLiveSpecification);
  await eventually("time to live is on", async () => (await timeToLive()).TimeToLiveStatus === "ENABLED");

  const now = Math.floor(Date.now() / 1000);
  const put = (pk, until) =>
    client.send(new PutItemCommand({ TableName, Item: { pk: { S: pk }, until: { N: `${until}` } } }));
  const get = async (pk) => (await client.send(new GetItemCommand({ TableName, Key: { pk: { S: pk } } }))).Item;
  await put("stays", now + 3600);
  await put("goes", now - 60);
  await eventually("the item expires", async () => !(await get("goes")));
  assert.ok(await get("stays"));
});

test("tags are put on a table, told and taken off", async (t) => {
  const TableName = await createTable(t, "pk S", { Tags: [{ Key: "team", Value: "engines" }] });
  const ResourceArn = await arnOf(TableName);
  const tags = async () => {
    const { Tags } = await client.send(new ListTagsOfResourceCommand({ ResourceArn }));
    return Object.fromEntries(Tags.map(({ Key, Value }) => [Key, Value]));
  };
  assert.deepEqual(await tags(), { team: "engines" });
  const Tags = [
    { Key: "team", Value: "wings" },
    { Key: "stage", Value: "" },
  ];
  await client.send(new TagResourceCommand({ ResourceArn, Tags }));
  assert.deepEqual(await tags(), { team: "wings", stage: "" });
  await client.send(new UntagResourceCommand({ ResourceArn, TagKeys: ["team"] }));
  assert.deepEqual(await tags(), { stage: "" });
});

test("a table's own policy lets in who could not write before, until it is deleted", async (t) => {
  const TableName = await createTable(t, "pk S");
  const ResourceArn = await arnOf(TableName);
  const reader = new DynamoDBClient({ credentials: credentials("CAIRN_TEST_READER") });
  const write = () => reader.send(new PutItemCommand({ TableName, Item: { pk: { S: "a" } } }));
  const denied = async () => assert.equal((await failure(write(), Error)).name, "AccessDeniedException");
  await failure(client.send(new GetResourcePolicyCommand({ ResourceArn })), PolicyNotFoundException);
  await denied();

  const Policy = JSON.stringify({
    Version: "2012-10-17",
    Statement: { Effect: "Allow", Principal: "*", Action: "dynamodb:PutItem", Resource: ResourceArn },
  });
  const { RevisionId } = await client.send(new PutResourcePolicyCommand({ ResourceArn, Policy }));
  const told = await client.send(new GetResourcePolicyCommand({ ResourceArn }));
  assert.deepEqual([told.Policy, told.RevisionId], [Policy, RevisionId]);
  await write();

  await client.send(new DeleteResourcePolicyCommand({ ResourceArn, ExpectedRevisionId: RevisionId }));
  await denied();
});
