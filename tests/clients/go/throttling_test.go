// A table with one unit a second: calls beyond it are refused, and the SDK comes back until they are served.

package clients

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/retry"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
)

func units(read, write int64) *types.ProvisionedThroughput {
	return &types.ProvisionedThroughput{ReadCapacityUnits: aws.Int64(read), WriteCapacityUnits: aws.Int64(write)}
}

func scarce(read, write int64) func(*dynamodb.CreateTableInput) {
	return func(request *dynamodb.CreateTableInput) {
		request.BillingMode = types.BillingModeProvisioned
		request.ProvisionedThroughput = units(read, write)
	}
}

// large is an item that takes this many seconds of the writes of a table with one unit.
func large(seconds int) item {
	return item{"pk": S("large"), "filling": S(strings.Repeat("x", 1024*seconds-64))}
}

func once(o *dynamodb.Options) { o.RetryMaxAttempts = 1 }

// patient retries as the SDK does, but does not give up after three attempts, and is not long about it.
func patient(o *retry.StandardOptions) { o.MaxAttempts, o.MaxBackoff = 30, 500*time.Millisecond }

func patientClient(t *testing.T) *dynamodb.Client {
	return newClient(t, func(o *dynamodb.Options) { o.Retryer = retry.NewStandard(patient) })
}

// burst writes items at the same time.
func burst(t *testing.T, client *dynamodb.Client, table *string, amount int) ([]*dynamodb.PutItemOutput, []error) {
	answers, errs := make([]*dynamodb.PutItemOutput, amount), make([]error, amount)
	var group sync.WaitGroup
	for n := range amount {
		group.Go(func() {
			request := &dynamodb.PutItemInput{TableName: table, Item: item{"pk": S(fmt.Sprint("item ", n))}}
			answers[n], errs[n] = client.PutItem(t.Context(), request)
		})
	}
	group.Wait()
	return answers, errs
}

func count(t *testing.T, table *string) int32 {
	t.Helper()
	request := &dynamodb.ScanInput{TableName: table, Select: types.SelectCount, ConsistentRead: aws.Bool(true)}
	return must(patientClient(t).Scan(t.Context(), request))(t).Count
}

func TestWithoutRetriesABurstOfWritesIsRefusedEachWithTheExceptionForIt(t *testing.T) {
	t.Parallel()
	client, table := newClient(t, once), createTable(t, "pk S", scarce(1, 1))
	// A call is measured when it is done, so one may overdraw, and those after it pay: for half a minute here, as a new
	// table begins with a minute of its throughput.
	put(t, client, table, large(90))
	_, errs := burst(t, client, table, 4)
	for _, err := range errs {
		refusal := failure[*types.ProvisionedThroughputExceededException](t, err)
		contains(t, refusal.ErrorMessage(), "The level of configured provisioned throughput for the table was exceeded.")
		equal(t, *refusal.ThrottlingReasons[0].Reason, "TableWriteProvisionedThroughputExceeded")
		contains(t, *refusal.ThrottlingReasons[0].Resource, ":table/"+*table)
	}
	// Reads have a unit of their own.
	equal(t, count(t, table), int32(1))
}

// What a table does not use, it saves for later: a dawdling machine may have to ask it for more than once.

func TestWithTheSDKsRetriesTheSameWritesAllSucceed(t *testing.T) {
	t.Parallel()
	for mode, retryer := range map[aws.RetryMode]aws.Retryer{
		aws.RetryModeStandard: retry.NewStandard(patient),
		aws.RetryModeAdaptive: retry.NewAdaptiveMode(func(o *retry.AdaptiveModeOptions) {
			o.StandardOptions = append(o.StandardOptions, patient)
		}),
	} {
		t.Run(string(mode), func(t *testing.T) {
			t.Parallel()
			client := newClient(t, func(o *dynamodb.Options) { o.Retryer = retryer })
			table := createTable(t, "pk S", scarce(1, 1))
			eventually(t, "a write is retried", func() bool {
				put(t, patientClient(t), table, large(3))
				answers, errs := burst(t, client, table, 2)
				if err := errors.Join(errs...); err != nil {
					t.Fatal(err)
				}
				retries := 0
				for _, answer := range answers {
					attempts, _ := retry.GetAttemptResults(answer.ResultMetadata)
					for _, attempt := range attempts.Results[:len(attempts.Results)-1] {
						failure[*types.ProvisionedThroughputExceededException](t, attempt.Err)
						retries++
					}
				}
				return retries > 0
			})
			equal(t, count(t, table), int32(3))
		})
	}
}

func TestWhatABatchOfWritesLeavesUnprocessedIsWrittenBySendingItAgain(t *testing.T) {
	t.Parallel()
	client, table := patientClient(t), createTable(t, "pk S", scarce(1, 1))
	var puts []types.WriteRequest
	for _, it := range []item{large(3), {"pk": S("b")}, {"pk": S("c")}} {
		puts = append(puts, types.WriteRequest{PutRequest: &types.PutRequest{Item: it}})
	}
	// The SDK retries a batch that is refused as a whole; what is left of one is the caller's to send again.
	write := func(requests []types.WriteRequest) []types.WriteRequest {
		batch := map[string][]types.WriteRequest{*table: requests}
		request := &dynamodb.BatchWriteItemInput{RequestItems: batch}
		return must(client.BatchWriteItem(t.Context(), request))(t).UnprocessedItems[*table]
	}
	var left []types.WriteRequest
	eventually(t, "a batch is not all written", func() bool {
		left = write(puts)
		return len(left) > 0
	})
	equal(t, len(left) < len(puts), true)
	eventually(t, "the rest is written", func() bool {
		left = write(left)
		return len(left) == 0
	})
	equal(t, count(t, table), int32(3))
}

func TestWhatABatchOfReadsLeavesUnprocessedIsReadByTheSDKsOwnPages(t *testing.T) {
	t.Parallel()
	client, table := patientClient(t), createTable(t, "pk S", scarce(1, 100))
	put(t, client, table, large(20), item{"pk": S("b")}, item{"pk": S("c")})
	keys := types.KeysAndAttributes{
		Keys:                 []item{{"pk": S("large")}, {"pk": S("b")}, {"pk": S("c")}},
		ProjectionExpression: aws.String("pk"),
	}
	request := &dynamodb.BatchGetItemInput{RequestItems: map[string]types.KeysAndAttributes{*table: keys}}
	eventually(t, "a batch is read in more than one page", func() bool {
		pages, found := 0, []string{}
		for paginator := dynamodb.NewBatchGetItemPaginator(client, request); paginator.HasMorePages(); pages++ {
			for _, it := range must(paginator.NextPage(t.Context()))(t).Responses[*table] {
				found = append(found, it["pk"].(*types.AttributeValueMemberS).Value)
			}
		}
		slices.Sort(found)
		equal(t, found, []string{"b", "c", "large"})
		return pages > 1
	})
}
