// Reads every message of the stream with the CloudEvents SDK for Go: NATS_URL and EVENTS, the number of messages, are in
// the environment.
package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"strconv"
	"strings"
	"time"

	protocol "github.com/cloudevents/sdk-go/protocol/nats_jetstream/v2"
	"github.com/cloudevents/sdk-go/v2/binding"
	"github.com/cloudevents/sdk-go/v2/event"
	"github.com/nats-io/nats.go"
)

// body is what the data of every event has.
type body struct {
	ID      string `json:"id"`
	Subject string `json:"subject"`
	Data    struct {
		UserID    string    `json:"userId"`
		UserSeq   *int64    `json:"userSeq"`
		Timestamp time.Time `json:"timestamp"`
	} `json:"data"`
	Metadata struct {
		Traceparent string `json:"traceparent"`
		Dataschema  string `json:"dataschema"`
	} `json:"metadata"`
}

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, "go:", err)
		os.Exit(1)
	}
}

func run() error {
	wanted, err := strconv.Atoi(os.Getenv("EVENTS"))
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	connection, err := nats.Connect(os.Getenv("NATS_URL"))
	if err != nil {
		return err
	}
	defer connection.Close()
	js, err := connection.JetStream()
	if err != nil {
		return err
	}
	subscription, err := js.SubscribeSync(">", nats.BindStream("auth-events"), nats.OrderedConsumer())
	if err != nil {
		return err
	}
	for read := 0; read < wanted; read++ {
		message, err := subscription.NextMsgWithContext(ctx)
		if err != nil {
			return fmt.Errorf("after %d events: %w", read, err)
		}
		if err := check(ctx, message); err != nil {
			return fmt.Errorf("%s: %w", message.Subject, err)
		}
	}
	fmt.Printf("    go: sdk-go read %d events\n", wanted)
	return nil
}

func check(ctx context.Context, message *nats.Msg) error {
	wrapped := protocol.NewMessage(message)
	if wrapped.ReadEncoding() != binding.EncodingBinary {
		return fmt.Errorf("it is not in binary mode")
	}
	read, err := binding.ToEvent(ctx, wrapped)
	if err != nil {
		return err
	}
	if err := read.Validate(); err != nil {
		return err
	}
	var data body
	// Decodes by the content type, so it fails without one.
	if err := read.DataAs(&data); err != nil {
		return err
	}
	return compare(*read, data, message.Subject)
}

func compare(read event.Event, data body, subject string) error {
	extensions := read.Extensions()
	sequence := ""
	if data.Data.UserSeq != nil {
		sequence = fmt.Sprintf("%019d", *data.Data.UserSeq)
	}
	for _, pair := range []struct{ name, is, wanted string }{
		{"id", read.ID(), data.ID},
		{"the name in the body", data.Subject, subject},
		{"type", read.Type(), "io.github.watchword-auth." + subject + ".v1"},
		{"source", read.Source(), "https://auth.example.com"},
		{"subject", read.Subject(), data.Data.UserID},
		{"datacontenttype", read.DataContentType(), "application/json"},
		{"dataschema", read.DataSchema(), data.Metadata.Dataschema},
		{"partitionkey", text(extensions["partitionkey"]), data.Data.UserID},
		{"sequence", text(extensions["sequence"]), sequence},
		{"traceparent", text(extensions["traceparent"]), data.Metadata.Traceparent},
	} {
		if pair.is != pair.wanted {
			return fmt.Errorf("%s is %q, not %q", pair.name, pair.is, pair.wanted)
		}
	}
	if !read.Time().Equal(data.Data.Timestamp) {
		return fmt.Errorf("time is %s", read.Time())
	}
	if encoded, err := json.Marshal(read); err != nil || !strings.Contains(string(encoded), data.ID) {
		return fmt.Errorf("it cannot be written in structured mode: %w", err)
	}
	return nil
}

func text(extension any) string {
	if extension == nil {
		return ""
	}
	return fmt.Sprint(extension)
}
