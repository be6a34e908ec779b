// Package clients tries the service through the AWS SDK for Go. This file is what the suites share: clients of the
// server that the environment names, and tables that go when their test ends.
package clients

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"os"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
)

type item = map[string]types.AttributeValue

// patience is how long a waiter waits at most, and a probe is repeated.
const patience = 30 * time.Second

func S(value string) types.AttributeValue { return &types.AttributeValueMemberS{Value: value} }
func N(value string) types.AttributeValue { return &types.AttributeValueMemberN{Value: value} }

// newClient finds everything that it is not told in the environment.
func newClient(t *testing.T, options ...func(*dynamodb.Options)) *dynamodb.Client {
	t.Helper()
	if os.Getenv("AWS_ENDPOINT_URL_DYNAMODB") == "" {
		t.Fatal("AWS_ENDPOINT_URL_DYNAMODB is not set: these suites run beside a server, by `make clients`")
	}
	return dynamodb.NewFromConfig(must(config.LoadDefaultConfig(t.Context()))(t), options...)
}

// keyOf is the access key that the environment holds under a prefix, such as CAIRN_TEST_READER.
func keyOf(prefix string) aws.Credentials {
	return aws.Credentials{
		AccessKeyID:     os.Getenv(prefix + "_ACCESS_KEY_ID"),
		SecretAccessKey: os.Getenv(prefix + "_SECRET_ACCESS_KEY"),
	}
}

// by makes a client call by these credentials.
func by(key aws.Credentials) func(*dynamodb.Options) {
	return func(o *dynamodb.Options) {
		o.Credentials = credentials.StaticCredentialsProvider{Value: key}
	}
}

// definition makes a table of a key such as "pk S, sk N" and a name of its own, on demand.
func definition(key string) *dynamodb.CreateTableInput {
	request := &dynamodb.CreateTableInput{
		TableName:   aws.String("go-" + rand.Text()),
		BillingMode: types.BillingModePayPerRequest,
	}
	keyType := types.KeyTypeHash
	for attribute := range strings.SplitSeq(key, ", ") {
		name, kind, _ := strings.Cut(attribute, " ")
		request.KeySchema = append(request.KeySchema, keyElement(name, keyType))
		request.AttributeDefinitions = append(request.AttributeDefinitions, attributeOf(name, kind))
		keyType = types.KeyTypeRange
	}
	return request
}

func keyElement(name string, keyType types.KeyType) types.KeySchemaElement {
	return types.KeySchemaElement{AttributeName: aws.String(name), KeyType: keyType}
}

func attributeOf(name, kind string) types.AttributeDefinition {
	return types.AttributeDefinition{
		AttributeName: aws.String(name),
		AttributeType: types.ScalarAttributeType(kind),
	}
}

// createTable is the name of a new table that is ready, and is deleted once the test is over.
func createTable(t *testing.T, key string, settings ...func(*dynamodb.CreateTableInput)) *string {
	t.Helper()
	client, request := newClient(t), definition(key)
	for _, set := range settings {
		set(request)
	}
	must(client.CreateTable(t.Context(), request))(t)
	t.Cleanup(func() {
		// The test's own context ends before this.
		table := &dynamodb.DeleteTableInput{TableName: request.TableName}
		must(client.DeleteTable(context.Background(), table))(t)
		awaitAbsence(t, client, request.TableName)
	})
	awaitTable(t, client, request.TableName)
	return request.TableName
}

func awaitTable(t *testing.T, client *dynamodb.Client, name *string) *types.TableDescription {
	t.Helper()
	waiter := dynamodb.NewTableExistsWaiter(client, func(o *dynamodb.TableExistsWaiterOptions) {
		o.MinDelay, o.MaxDelay = 20*time.Millisecond, 500*time.Millisecond
	})
	table := &dynamodb.DescribeTableInput{TableName: name}
	return must(waiter.WaitForOutput(t.Context(), table, patience))(t).Table
}

func awaitAbsence(t *testing.T, client *dynamodb.Client, name *string) {
	t.Helper()
	waiter := dynamodb.NewTableNotExistsWaiter(client, func(o *dynamodb.TableNotExistsWaiterOptions) {
		o.MinDelay, o.MaxDelay = 20*time.Millisecond, 500*time.Millisecond
	})
	table := &dynamodb.DescribeTableInput{TableName: name}
	if err := waiter.Wait(context.Background(), table, patience); err != nil {
		t.Fatal(err)
	}
}

func put(t *testing.T, client *dynamodb.Client, table *string, items ...item) {
	t.Helper()
	for _, it := range items {
		must(client.PutItem(t.Context(), &dynamodb.PutItemInput{TableName: table, Item: it}))(t)
	}
}

func get(t *testing.T, client *dynamodb.Client, table *string, key item) item {
	t.Helper()
	request := &dynamodb.GetItemInput{TableName: table, Key: key, ConsistentRead: aws.Bool(true)}
	return must(client.GetItem(t.Context(), request))(t).Item
}

// eventually repeats a probe until it says yes.
func eventually(t *testing.T, what string, probe func() bool) {
	t.Helper()
	for deadline := time.Now().Add(patience); !probe(); time.Sleep(20 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("not within %s: %s", patience, what)
		}
	}
}

// must is the value of a call that has to succeed.
func must[T any](value T, err error) func(*testing.T) T {
	return func(t *testing.T) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return value
	}
}

// failure is the error of a call that has to fail with an E.
func failure[E error](t *testing.T, err error) E {
	t.Helper()
	found, ok := errors.AsType[E](err)
	if !ok {
		t.Fatalf("%v, where a %s was expected", err, reflect.TypeFor[E]())
	}
	return found
}

func equal(t *testing.T, found, expected any) {
	t.Helper()
	if !reflect.DeepEqual(found, expected) {
		t.Fatalf("found %s\nexpected %s", render(found), render(expected))
	}
}

func contains(t *testing.T, text, part string) {
	t.Helper()
	if !strings.Contains(text, part) {
		t.Fatalf("%q is not in %q", part, text)
	}
}

func render(value any) string {
	text, err := json.Marshal(value)
	if err != nil {
		return err.Error()
	}
	return string(text)
}
