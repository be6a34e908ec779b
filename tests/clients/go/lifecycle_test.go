// A table and its items from their beginning to their end.

package clients

import (
	"fmt"
	"net/url"
	"os"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/feature/dynamodb/expression"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/aws/smithy-go"
)

func TestATableIsCreatedWithItsIndexesWaitedForDescribedAndDeletedForGood(t *testing.T) {
	t.Parallel()
	client, request := newClient(t), definition("course S, lesson N")
	request.AttributeDefinitions = append(request.AttributeDefinitions,
		attributeOf("teacher", "S"), attributeOf("minutes", "N"))
	request.GlobalSecondaryIndexes = []types.GlobalSecondaryIndex{byTeacher}
	request.LocalSecondaryIndexes = []types.LocalSecondaryIndex{byMinutes}

	created := must(client.CreateTable(t.Context(), request))(t).TableDescription
	equal(t, created.TableName, request.TableName)
	equal(t, created.TableStatus, types.TableStatusCreating)

	described := awaitTable(t, client, request.TableName)
	equal(t, described.TableStatus, types.TableStatusActive)
	equal(t, described.KeySchema, request.KeySchema)
	equal(t, described.BillingModeSummary.BillingMode, types.BillingModePayPerRequest)
	equal(t, described.TableArn, created.TableArn)
	equal(t, described.TableId, created.TableId)
	if age := time.Since(*described.CreationDateTime); age.Abs() > time.Minute {
		t.Fatalf("created %s ago", age)
	}
	global, local := described.GlobalSecondaryIndexes[0], described.LocalSecondaryIndexes[0]
	equal(t, global.KeySchema, byTeacher.KeySchema)
	equal(t, global.IndexStatus, types.IndexStatusActive)
	equal(t, local.KeySchema, byMinutes.KeySchema)
	equal(t, local.Projection, byMinutes.Projection)

	table := &dynamodb.DeleteTableInput{TableName: request.TableName}
	deleted := must(client.DeleteTable(t.Context(), table))(t).TableDescription
	equal(t, deleted.TableStatus, types.TableStatusDeleting)
	awaitAbsence(t, client, request.TableName)
	_, err := client.DescribeTable(t.Context(), &dynamodb.DescribeTableInput{TableName: request.TableName})
	failure[*types.ResourceNotFoundException](t, err)
}

func TestAnItemIsPutReplacedUpdatedReadAndDeletedAndTellsWhatItWas(t *testing.T) {
	t.Parallel()
	client, table := newClient(t), createTable(t, "pk S")
	key := item{"pk": S("a")}
	if found := get(t, client, table, key); found != nil {
		t.Fatalf("found %s", render(found))
	}
	replace := func(it item) item {
		request := &dynamodb.PutItemInput{TableName: table, Item: it, ReturnValues: types.ReturnValueAllOld}
		return must(client.PutItem(t.Context(), request))(t).Attributes
	}
	first := item{"pk": S("a"), "count": N("1"), "colour": S("red")}
	if before := replace(first); before != nil {
		t.Fatalf("there was %s", render(before))
	}
	equal(t, get(t, client, table, key), first)
	equal(t, replace(item{"pk": S("a"), "count": N("2")}), first)

	words := expression.Name("words")
	none, one := expression.Value([]string{}), expression.Value([]string{"one"})
	change := expression.
		Set(expression.Name("count"), expression.Name("count").Plus(expression.Value(40))).
		Set(words, expression.ListAppend(words.IfNotExists(none), one))
	built := must(expression.NewBuilder().WithUpdate(change).Build())(t)
	updated := must(client.UpdateItem(t.Context(), &dynamodb.UpdateItemInput{
		TableName:                 table,
		Key:                       key,
		UpdateExpression:          built.Update(),
		ExpressionAttributeNames:  built.Names(),
		ExpressionAttributeValues: built.Values(),
		ReturnValues:              types.ReturnValueUpdatedNew,
		ReturnConsumedCapacity:    types.ReturnConsumedCapacityTotal,
	}))(t)
	oneWord := &types.AttributeValueMemberL{Value: []types.AttributeValue{S("one")}}
	equal(t, updated.Attributes, item{"count": N("42"), "words": oneWord})
	equal(t, aws.ToFloat64(updated.ConsumedCapacity.CapacityUnits), 1.0)

	removal := &dynamodb.DeleteItemInput{TableName: table, Key: key, ReturnValues: types.ReturnValueAllOld}
	deleted := must(client.DeleteItem(t.Context(), removal))(t).Attributes
	equal(t, deleted, item{"pk": S("a"), "count": N("42"), "words": oneWord})
	if found := get(t, client, table, key); found != nil {
		t.Fatalf("found %s", render(found))
	}
}

func TestABatchOfPutsAndDeletionsIsWrittenAndReadBackAsOne(t *testing.T) {
	t.Parallel()
	client, table := newClient(t), createTable(t, "pk S")
	write := func(requests ...types.WriteRequest) {
		batch := map[string][]types.WriteRequest{*table: requests}
		request := &dynamodb.BatchWriteItemInput{RequestItems: batch}
		equal(t, len(must(client.BatchWriteItem(t.Context(), request))(t).UnprocessedItems), 0)
	}
	var keys []item
	var puts, deletions []types.WriteRequest
	for n := range 25 {
		key := item{"pk": S(fmt.Sprint("item ", n))}
		keys = append(keys, key)
		puts = append(puts, types.WriteRequest{PutRequest: &types.PutRequest{Item: key}})
		deletions = append(deletions, types.WriteRequest{DeleteRequest: &types.DeleteRequest{Key: key}})
	}
	write(puts...)
	write(deletions[:5]...)

	batch := map[string]types.KeysAndAttributes{*table: {Keys: keys}}
	answer := must(client.BatchGetItem(t.Context(), &dynamodb.BatchGetItemInput{RequestItems: batch}))(t)
	equal(t, len(answer.UnprocessedKeys), 0)
	found := map[string]bool{}
	for _, it := range answer.Responses[*table] {
		found[render(it)] = true
	}
	equal(t, len(answer.Responses[*table]), 20)
	for _, key := range keys[5:] {
		equal(t, found[render(key)], true)
	}
}

func TestATableIsChangedWhileItLives(t *testing.T) {
	t.Parallel()
	client, table := newClient(t), createTable(t, "pk S")
	update := func(request *dynamodb.UpdateTableInput, what string, done func(*types.TableDescription) bool) {
		request.TableName = table
		must(client.UpdateTable(t.Context(), request))(t)
		eventually(t, what, func() bool { return done(awaitTable(t, client, table)) })
	}
	update(&dynamodb.UpdateTableInput{DeletionProtectionEnabled: aws.Bool(true)}, "protected",
		func(now *types.TableDescription) bool { return *now.DeletionProtectionEnabled })
	_, err := client.DeleteTable(t.Context(), &dynamodb.DeleteTableInput{TableName: table})
	equal(t, failure[smithy.APIError](t, err).ErrorCode(), "ValidationException")
	update(&dynamodb.UpdateTableInput{DeletionProtectionEnabled: aws.Bool(false)}, "no longer protected",
		func(now *types.TableDescription) bool { return !*now.DeletionProtectionEnabled })

	update(&dynamodb.UpdateTableInput{
		BillingMode:           types.BillingModeProvisioned,
		ProvisionedThroughput: units(7, 8),
	}, "provisioned", func(now *types.TableDescription) bool {
		return *now.ProvisionedThroughput.WriteCapacityUnits == 8
	})
}

func TestTheServiceTellsItsLimitsAndItsEndpoints(t *testing.T) {
	t.Parallel()
	client := newClient(t)
	limits := must(client.DescribeLimits(t.Context(), &dynamodb.DescribeLimitsInput{}))(t)
	equal(t, *limits.AccountMaxReadCapacityUnits, int64(80_000))
	equal(t, *limits.AccountMaxWriteCapacityUnits, int64(80_000))
	equal(t, *limits.TableMaxReadCapacityUnits, int64(40_000))
	equal(t, *limits.TableMaxWriteCapacityUnits, int64(40_000))

	answer := must(client.DescribeEndpoints(t.Context(), &dynamodb.DescribeEndpointsInput{}))(t)
	equal(t, len(answer.Endpoints), 1)
	endpoint := must(url.Parse(os.Getenv("AWS_ENDPOINT_URL_DYNAMODB")))(t)
	equal(t, *answer.Endpoints[0].Address, endpoint.Host)
}
