// What an answer says of itself, and errors as the SDK types them.

package clients

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"regexp"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/middleware"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/aws/smithy-go"
	"github.com/aws/smithy-go/logging"
	smithyhttp "github.com/aws/smithy-go/transport/http"
)

var requestID = regexp.MustCompile(`^[0-9A-Z]{52}$`)

// exchange is an HTTP client that is a function.
type exchange func(*http.Request) (*http.Response, error)

func (e exchange) Do(request *http.Request) (*http.Response, error) { return e(request) }

func TestATableThatIsNotThereIsNotFoundByAnyCall(t *testing.T) {
	t.Parallel()
	client, table, key := newClient(t), aws.String("go-missing"), item{"pk": S("a")}
	_, describeErr := client.DescribeTable(t.Context(), &dynamodb.DescribeTableInput{TableName: table})
	_, deleteErr := client.DeleteTable(t.Context(), &dynamodb.DeleteTableInput{TableName: table})
	_, getErr := client.GetItem(t.Context(), &dynamodb.GetItemInput{TableName: table, Key: key})
	_, putErr := client.PutItem(t.Context(), &dynamodb.PutItemInput{TableName: table, Item: key})
	for _, err := range []error{describeErr, deleteErr, getErr, putErr} {
		refusal := failure[*types.ResourceNotFoundException](t, err)
		contains(t, refusal.ErrorMessage(), "Requested resource not found")
		equal(t, refusal.ErrorFault(), smithy.FaultClient)
	}
}

func TestATablesNameIsUsedOnce(t *testing.T) {
	t.Parallel()
	client, table := newClient(t), createTable(t, "pk S")
	again := definition("pk S")
	again.TableName = table
	_, err := client.CreateTable(t.Context(), again)
	equal(t, failure[*types.ResourceInUseException](t, err).ErrorMessage(), "Table already exists: "+*table)
}

func TestWhatARequestMustNotSayIsAValidationExceptionWithTheReason(t *testing.T) {
	t.Parallel()
	client, table := newClient(t), createTable(t, "pk S")
	const (
		invalid  = "One or more parameter values were invalid: "
		detected = "1 validation error detected: "
	)
	for message, it := range map[string]item{
		invalid + "Type mismatch for key pk expected: S actual: N": {"pk": N("1")},
		invalid + "Missing the key pk in the item":                 {"n": N("1")},
		detected + "The parameter cannot be converted to a numeric value: one": {
			"pk": S("a"), "n": N("one"),
		},
	} {
		_, err := client.PutItem(t.Context(), &dynamodb.PutItemInput{TableName: table, Item: it})
		refusal := failure[smithy.APIError](t, err)
		equal(t, refusal.ErrorCode(), "ValidationException")
		equal(t, refusal.ErrorMessage(), message)
		response := failure[*awshttp.ResponseError](t, err)
		equal(t, response.HTTPStatusCode(), http.StatusBadRequest)
		equal(t, requestID.MatchString(response.ServiceRequestID()), true)
	}
}

func TestARequestOfMoreThan16MBIsToldThatItIsTooLarge(t *testing.T) {
	t.Parallel()
	large := item{"pk": S("a"), "filling": S(strings.Repeat("x", 20<<20))}
	request := &dynamodb.PutItemInput{TableName: aws.String("go-missing"), Item: large}
	_, err := newClient(t, once).PutItem(t.Context(), request)
	equal(t, failure[smithy.APIError](t, err).ErrorCode(), "RequestEntityTooLargeException")
	equal(t, failure[*awshttp.ResponseError](t, err).HTTPStatusCode(), http.StatusRequestEntityTooLarge)
}

func TestAnAnswerHasAnIDAndAChecksumOfItsBody(t *testing.T) {
	t.Parallel()
	answer := must(newClient(t).ListTables(t.Context(), &dynamodb.ListTablesInput{}))(t)
	id, _ := middleware.GetRequestIDMetadata(answer.ResultMetadata)
	equal(t, requestID.MatchString(id), true)
	headers := middleware.GetRawResponse(answer.ResultMetadata).(*smithyhttp.Response).Header
	if headers.Get("X-Amz-Crc32") == "" {
		t.Fatalf("no checksum among %v", headers)
	}
}

// warnings is a logger that keeps what the SDK warns of. Of a body that is not that of its checksum, it does no more.
type warnings struct{ texts []string }

func (w *warnings) Logf(_ logging.Classification, format string, values ...any) {
	w.texts = append(w.texts, fmt.Sprintf(format, values...))
}

func TestTheSDKFindsEveryBodyToBeThatOfItsChecksumUnlessItIsDamaged(t *testing.T) {
	t.Parallel()
	var logged warnings
	damage := false
	client := newClient(t, func(o *dynamodb.Options) {
		o.Logger = &logged
		o.HTTPClient = exchange(func(request *http.Request) (*http.Response, error) {
			response, err := http.DefaultClient.Do(request)
			if err != nil {
				return nil, err
			}
			defer response.Body.Close()
			body, err := io.ReadAll(response.Body)
			if damage {
				body = bytes.Replace(body, []byte("Names"), []byte("Nbmes"), 1)
			}
			response.Body = io.NopCloser(bytes.NewReader(body))
			return response, err
		})
	})
	must(client.ListTables(t.Context(), &dynamodb.ListTablesInput{}))(t)
	_, err := client.DescribeTable(t.Context(), &dynamodb.DescribeTableInput{TableName: aws.String("go-missing")})
	failure[*types.ResourceNotFoundException](t, err)
	equal(t, len(logged.texts), 0)

	damage = true
	must(client.ListTables(t.Context(), &dynamodb.ListTablesInput{}))(t)
	equal(t, len(logged.texts), 1)
	contains(t, logged.texts[0], "response did not match expected checksum")
}

func TestALongAnswerIsCompressedForThoseWhoTakeItSo(t *testing.T) {
	t.Parallel()
	var logged warnings
	client := newClient(t, func(o *dynamodb.Options) {
		o.Logger = &logged
		o.EnableAcceptEncodingGzip = true
	})
	table := createTable(t, "pk S")
	long := item{"pk": S("a"), "filling": S(strings.Repeat("long ", 1000))}
	put(t, client, table, long)
	answer := must(client.GetItem(t.Context(), &dynamodb.GetItemInput{TableName: table, Key: item{"pk": S("a")}}))(t)
	equal(t, answer.Item, long)
	headers := middleware.GetRawResponse(answer.ResultMetadata).(*smithyhttp.Response).Header
	equal(t, headers.Get("Content-Encoding"), "gzip")
	// The checksum is that of the compressed body, which is what the SDK holds it against.
	equal(t, logged.texts, []string(nil))
}
