// Who is known by a signature, and what becomes of one that is not right.

package clients

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"io"
	"net/http"
	"os"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/retry"
	"github.com/aws/aws-sdk-go-v2/aws/signer/v4"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/smithy-go"
)

const (
	unknown  = "The security token included in the request is invalid."
	mismatch = "The request signature we calculated does not match the signature you provided."
)

func user() aws.Credentials { return keyOf("AWS") }

func session() aws.Credentials {
	key := keyOf("CAIRN_TEST_SESSION")
	key.SessionToken = os.Getenv("CAIRN_TEST_SESSION_TOKEN")
	return key
}

func list(t *testing.T, options ...func(*dynamodb.Options)) error {
	t.Helper()
	_, err := newClient(t, options...).ListTables(t.Context(), &dynamodb.ListTablesInput{Limit: aws.Int32(1)})
	return err
}

func assertRefused(t *testing.T, err error, code, message string) {
	t.Helper()
	refusal := failure[smithy.APIError](t, err)
	equal(t, refusal.ErrorCode(), code)
	contains(t, refusal.ErrorMessage(), message)
}

// presigned lists tables with a URL that was signed at a time and stands for its signer for so many seconds. Its body
// is signed with it; another may be sent.
func presigned(t *testing.T, key aws.Credentials, at time.Time, seconds, body string) (int, map[string]any) {
	t.Helper()
	const signedBody = `{"Limit":1}`
	url := os.Getenv("AWS_ENDPOINT_URL_DYNAMODB") + "/?X-Amz-Expires=" + seconds
	request := must(http.NewRequestWithContext(t.Context(), http.MethodPost, url, bytes.NewBufferString(signedBody)))(t)
	request.Header.Set("Content-Type", "application/x-amz-json-1.0")
	request.Header.Set("X-Amz-Target", "DynamoDB_20120810.ListTables")
	hash := sha256.Sum256([]byte(signedBody))
	// What names the operation stays a header, where the service looks for it.
	stay := func(o *v4.SignerOptions) { o.DisableHeaderHoisting = true }
	signed, headers, err := v4.NewSigner(stay).
		PresignHTTP(t.Context(), key, request, hex.EncodeToString(hash[:]), "dynamodb", "local", at)
	if err != nil {
		t.Fatal(err)
	}
	sent := must(http.NewRequestWithContext(t.Context(), http.MethodPost, signed, bytes.NewBufferString(body)))(t)
	sent.Header = headers
	response := must(http.DefaultClient.Do(sent))(t)
	defer response.Body.Close()
	var answer map[string]any
	if err := json.Unmarshal(must(io.ReadAll(response.Body))(t), &answer); err != nil {
		t.Fatal(err)
	}
	return response.StatusCode, answer
}

func TestAUserIsKnownByTheKeyAndASessionByItsTemporaryCredentials(t *testing.T) {
	t.Parallel()
	for _, key := range []aws.Credentials{user(), session()} {
		if err := list(t, by(key)); err != nil {
			t.Fatal(err)
		}
	}
}

func TestAWrongSecretIsNoSignatureOfTheKeysOwner(t *testing.T) {
	t.Parallel()
	for _, key := range []aws.Credentials{user(), session()} {
		key.SecretAccessKey += "x"
		assertRefused(t, list(t, by(key)), "InvalidSignatureException", mismatch)
	}
}

func TestAKeyThatNobodyHasIsNotRecognised(t *testing.T) {
	t.Parallel()
	key := user()
	key.AccessKeyID = "AKIAIOSFODNN7EXAMPLE"
	assertRefused(t, list(t, by(key)), "UnrecognizedClientException", unknown)
}

func TestASessionWithoutItsTokenOrWithAnotherIsNotRecognised(t *testing.T) {
	t.Parallel()
	without, damaged, unwanted := session(), session(), user()
	without.SessionToken = ""
	unwanted.SessionToken = damaged.SessionToken
	token := []byte(damaged.SessionToken)
	if token[100] == 'A' {
		token[100] = 'B'
	} else {
		token[100] = 'A'
	}
	damaged.SessionToken = string(token)
	for _, key := range []aws.Credentials{without, damaged, unwanted} {
		assertRefused(t, list(t, by(key)), "UnrecognizedClientException", unknown)
	}
}

func TestAReaderMayReadAndNotWrite(t *testing.T) {
	t.Parallel()
	reader, table := newClient(t, by(keyOf("CAIRN_TEST_READER"))), createTable(t, "pk S")
	must(reader.ListTables(t.Context(), &dynamodb.ListTablesInput{}))(t)
	_, err := reader.PutItem(t.Context(), &dynamodb.PutItemInput{TableName: table, Item: item{"pk": S("a")}})
	assertRefused(t, err, "AccessDeniedException", "is not authorized to perform: dynamodb:PutItem on resource: ")
	assertRefused(t, err, "AccessDeniedException", ":table/"+*table+" because no identity-based policy allows")
}

func TestAClockThatIsWrongIsRefusedAndTheSDKSetsItByTheServersAndSucceeds(t *testing.T) {
	for skew, message := range map[time.Duration]string{
		-20 * time.Minute: "Signature expired: ",
		20 * time.Minute:  "Signature not yet current: ",
	} {
		wrong := time.Now().Add(skew)
		// In the bubble there is another clock, and it stands still while requests are under way.
		synctest.Test(t, func(t *testing.T) {
			time.Sleep(time.Until(wrong))
			// A connection that was kept would keep the bubble.
			transport := &http.Transport{DisableKeepAlives: true}
			attempts := 0
			settings := func(o *dynamodb.Options) {
				o.HTTPClient = exchange(func(request *http.Request) (*http.Response, error) {
					attempts++
					return transport.RoundTrip(request)
				})
				o.Retryer = retry.NewStandard(func(o *retry.StandardOptions) {
					o.Backoff = retry.BackoffDelayerFunc(func(int, error) (time.Duration, error) { return 0, nil })
				})
			}
			uncorrected := func(o *dynamodb.Options) { o.DisableClockSkewCorrection = true }
			assertRefused(t, list(t, settings, uncorrected), "InvalidSignatureException", message)
			equal(t, attempts, 1)

			if err := list(t, settings); err != nil {
				t.Fatal(err)
			}
			equal(t, attempts, 3)
		})
	}
}

func TestAPresignedURLStandsForItsSignerAsLongAsItSays(t *testing.T) {
	t.Parallel()
	for _, key := range []aws.Credentials{user(), session()} {
		status, answer := presigned(t, key, time.Now(), "60", `{"Limit":1}`)
		equal(t, status, http.StatusOK)
		if _, listed := answer["TableNames"]; !listed {
			t.Fatalf("found %v", answer)
		}
	}
	// Signed longer ago than a signature in a header may be, and still in time.
	before := time.Now().Add(-20 * time.Minute)
	status, _ := presigned(t, user(), before, "3600", `{"Limit":1}`)
	equal(t, status, http.StatusOK)
	status, refusal := presigned(t, user(), before, "60", `{"Limit":1}`)
	equal(t, status, http.StatusBadRequest)
	contains(t, refusal["__type"].(string), "#InvalidSignatureException")
	contains(t, refusal["message"].(string), "Signature expired: ")
}

func TestTheBodyIsPartOfWhatIsSigned(t *testing.T) {
	t.Parallel()
	status, refusal := presigned(t, user(), time.Now(), "60", `{"Limit":2}`)
	equal(t, status, http.StatusBadRequest)
	contains(t, refusal["__type"].(string), "#InvalidSignatureException")
	contains(t, refusal["message"].(string), mismatch)
}
