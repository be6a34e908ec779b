// Reading by the table's key and by indexes, and indexes that come and go.

package clients

import (
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/feature/dynamodb/attributevalue"
	"github.com/aws/aws-sdk-go-v2/feature/dynamodb/expression"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
)

var byTeacher = types.GlobalSecondaryIndex{
	IndexName: aws.String("by-teacher"),
	KeySchema: []types.KeySchemaElement{
		keyElement("teacher", types.KeyTypeHash),
		keyElement("minutes", types.KeyTypeRange),
	},
	Projection: &types.Projection{ProjectionType: types.ProjectionTypeKeysOnly},
}

var byMinutes = types.LocalSecondaryIndex{
	IndexName: aws.String("by-minutes"),
	KeySchema: []types.KeySchemaElement{
		keyElement("course", types.KeyTypeHash),
		keyElement("minutes", types.KeyTypeRange),
	},
	Projection: &types.Projection{
		ProjectionType:   types.ProjectionTypeInclude,
		NonKeyAttributes: []string{"teacher"},
	},
}

type taught struct {
	Course  string `dynamodbav:"course"`
	Lesson  int    `dynamodbav:"lesson"`
	Teacher string `dynamodbav:"teacher,omitempty"`
	Minutes int    `dynamodbav:"minutes,omitempty"`
}

var (
	go1 = taught{"go", 1, "rob", 30}
	go2 = taught{"go", 2, "ken", 10}
	go3 = taught{"go", 3, "rob", 20}
	js1 = taught{"js", 1, "rob", 5}
	js2 = taught{Course: "js", Lesson: 2}
)

// lessons makes a table with the lessons above.
func lessons(t *testing.T, client *dynamodb.Client, settings ...func(*dynamodb.CreateTableInput)) *string {
	t.Helper()
	table := createTable(t, "course S, lesson N", settings...)
	for _, it := range []taught{go1, go2, go3, js1, js2} {
		put(t, client, table, must(attributevalue.MarshalMap(it))(t))
	}
	return table
}

// query answers a query of a table by a condition on its key or on that of an index.
func query(t *testing.T, client *dynamodb.Client, table *string, condition expression.KeyConditionBuilder,
	settings ...func(*dynamodb.QueryInput)) []taught {
	t.Helper()
	built := must(expression.NewBuilder().WithKeyCondition(condition).Build())(t)
	request := &dynamodb.QueryInput{
		TableName:                 table,
		KeyConditionExpression:    built.KeyCondition(),
		ExpressionAttributeNames:  built.Names(),
		ExpressionAttributeValues: built.Values(),
	}
	for _, set := range settings {
		set(request)
	}
	return decoded(t, must(client.Query(t.Context(), request))(t).Items)
}

func decoded(t *testing.T, items []item) (found []taught) {
	t.Helper()
	if err := attributevalue.UnmarshalListOfMaps(items, &found); err != nil {
		t.Fatal(err)
	}
	return found
}

func ofIndex(name *string) func(*dynamodb.QueryInput) {
	return func(request *dynamodb.QueryInput) { request.IndexName = name }
}

func TestAQueryReadsTheTableItsGlobalIndexAndItsLocalIndexInTheOrderOfTheirKeys(t *testing.T) {
	t.Parallel()
	client := newClient(t)
	table := lessons(t, client, func(request *dynamodb.CreateTableInput) {
		request.AttributeDefinitions = append(request.AttributeDefinitions,
			attributeOf("teacher", "S"), attributeOf("minutes", "N"))
		request.GlobalSecondaryIndexes = []types.GlobalSecondaryIndex{byTeacher}
		request.LocalSecondaryIndexes = []types.LocalSecondaryIndex{byMinutes}
	})
	ofGo := expression.KeyEqual(expression.Key("course"), expression.Value("go"))

	first := ofGo.And(expression.KeyLessThan(expression.Key("lesson"), expression.Value(3)))
	equal(t, query(t, client, table, first), []taught{go1, go2})
	backwards := query(t, client, table, ofGo, func(request *dynamodb.QueryInput) {
		request.ScanIndexForward = aws.Bool(false)
	})
	equal(t, backwards, []taught{go3, go2, go1})

	robs := expression.KeyEqual(expression.Key("teacher"), expression.Value("rob"))
	equal(t, query(t, client, table, robs, ofIndex(byTeacher.IndexName)), []taught{js1, go3, go1})
	short := ofGo.And(expression.KeyLessThanEqual(expression.Key("minutes"), expression.Value(20)))
	consistent := func(request *dynamodb.QueryInput) { request.ConsistentRead = aws.Bool(true) }
	equal(t, query(t, client, table, short, ofIndex(byMinutes.IndexName), consistent), []taught{go2, go3})
}

func TestAScanFiltersWhatItReadAndSaysHowMuchThatWas(t *testing.T) {
	t.Parallel()
	client := newClient(t)
	table := lessons(t, client)
	filter := expression.And(
		expression.Name("teacher").Equal(expression.Value("rob")),
		expression.Name("minutes").GreaterThan(expression.Value(5)),
	)
	built := must(expression.NewBuilder().WithFilter(filter).Build())(t)
	answer := must(client.Scan(t.Context(), &dynamodb.ScanInput{
		TableName:                 table,
		FilterExpression:          built.Filter(),
		ExpressionAttributeNames:  built.Names(),
		ExpressionAttributeValues: built.Values(),
	}))(t)
	equal(t, decoded(t, answer.Items), []taught{go1, go3})
	equal(t, [2]int32{answer.Count, answer.ScannedCount}, [2]int32{2, 5})
}

func TestAnIndexIsAddedToALiveTableFilledWithWhatWasThereAndTakenAway(t *testing.T) {
	t.Parallel()
	client := newClient(t)
	table := lessons(t, client)
	create := &types.CreateGlobalSecondaryIndexAction{
		IndexName:  byTeacher.IndexName,
		KeySchema:  byTeacher.KeySchema,
		Projection: byTeacher.Projection,
	}
	updated := must(client.UpdateTable(t.Context(), &dynamodb.UpdateTableInput{
		TableName: table,
		AttributeDefinitions: []types.AttributeDefinition{
			attributeOf("course", "S"), attributeOf("lesson", "N"),
			attributeOf("teacher", "S"), attributeOf("minutes", "N"),
		},
		GlobalSecondaryIndexUpdates: []types.GlobalSecondaryIndexUpdate{{Create: create}},
	}))(t)
	equal(t, updated.TableDescription.GlobalSecondaryIndexes[0].IndexStatus, types.IndexStatusCreating)
	eventually(t, "the index is active and whole", func() bool {
		indexes := awaitTable(t, client, table).GlobalSecondaryIndexes
		return len(indexes) == 1 && indexes[0].IndexStatus == types.IndexStatusActive && *indexes[0].ItemCount == 4
	})
	robs := expression.KeyEqual(expression.Key("teacher"), expression.Value("rob"))
	equal(t, query(t, client, table, robs, ofIndex(byTeacher.IndexName)), []taught{js1, go3, go1})

	remove := &types.DeleteGlobalSecondaryIndexAction{IndexName: byTeacher.IndexName}
	must(client.UpdateTable(t.Context(), &dynamodb.UpdateTableInput{
		TableName:                   table,
		GlobalSecondaryIndexUpdates: []types.GlobalSecondaryIndexUpdate{{Delete: remove}},
	}))(t)
	eventually(t, "the index is gone", func() bool {
		return len(awaitTable(t, client, table).GlobalSecondaryIndexes) == 0
	})
}
