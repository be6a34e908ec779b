// The SDK's own waiters as they are: they ask at once, and then after twenty seconds. So a table that is created or
// deleted has to be so when they first ask.

package clients

import (
	"context"
	"errors"
	"os"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
)

var errWouldSleep = errors.New("the waiter would sleep before it asks again")

// retryable is how a waiter judges an answer.
type retryable = func(context.Context, *dynamodb.DescribeTableInput, *dynamodb.DescribeTableOutput, error) (bool, error)

// firstAttempt judges as a waiter does, and fails it where it would ask again.
func firstAttempt(judge retryable) retryable {
	return func(
		ctx context.Context, asked *dynamodb.DescribeTableInput, answer *dynamodb.DescribeTableOutput, err error,
	) (bool, error) {
		again, err := judge(ctx, asked, answer, err)
		if again {
			return false, errWouldSleep
		}
		return false, err
	}
}

func TestATableIsThereAndGoneWhenAWaiterFirstAsks(t *testing.T) {
	t.Parallel()
	for variable, answered := range map[string]types.TableStatus{
		"AWS_ENDPOINT_URL_DYNAMODB":       types.TableStatusCreating,
		"CAIRN_TEST_DEVELOPMENT_ENDPOINT": types.TableStatusActive,
	} {
		t.Run(variable, func(t *testing.T) {
			t.Parallel()
			client := newClient(t, func(o *dynamodb.Options) { o.BaseEndpoint = aws.String(os.Getenv(variable)) })
			request := definition("pk S")
			created := must(client.CreateTable(t.Context(), request))(t).TableDescription
			equal(t, created.TableStatus, answered)

			table := &dynamodb.DescribeTableInput{TableName: request.TableName}
			exists := dynamodb.NewTableExistsWaiter(client, func(o *dynamodb.TableExistsWaiterOptions) {
				o.Retryable = firstAttempt(o.Retryable)
			})
			if err := exists.Wait(t.Context(), table, patience); err != nil {
				t.Fatal(err)
			}
			must(client.DeleteTable(t.Context(), &dynamodb.DeleteTableInput{TableName: request.TableName}))(t)
			gone := dynamodb.NewTableNotExistsWaiter(client, func(o *dynamodb.TableNotExistsWaiterOptions) {
				o.Retryable = firstAttempt(o.Retryable)
			})
			if err := gone.Wait(t.Context(), table, patience); err != nil {
				t.Fatal(err)
			}
		})
	}
}
