// Keeps a copy of the accounts, one file for each user in COPY_DIR. NATS_URL and DURABLE, the durable consumer, are in
// the environment.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"log"
	"os"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

type event struct {
	Data struct {
		UserID        string   `json:"userId"`
		UserSeq       int64    `json:"userSeq"` // 0 without a place in the order
		ChangedFields []string `json:"changedFields"`
		Name          *string  `json:"name"`
		Status        *string  `json:"status"`
	} `json:"data"`
}

type row struct {
	Seq    int64   `json:"seq"`
	Name   *string `json:"name,omitempty"`
	Status *string `json:"status,omitempty"`
}

func file(user string) string { return os.Getenv("COPY_DIR") + "/" + user + ".json" }

func load(user string) (row, error) {
	var found row
	text, err := os.ReadFile(file(user))
	if errors.Is(err, os.ErrNotExist) {
		return found, nil
	} else if err != nil {
		return found, err
	}
	return found, json.Unmarshal(text, &found)
}

// save makes the number and the change visible together: in a database, by one transaction.
func save(user string, changed row) error {
	text, err := json.Marshal(changed)
	if err != nil {
		return err
	}
	if err := os.WriteFile(file(user)+".new", text, 0o600); err != nil {
		return err
	}
	return os.Rename(file(user)+".new", file(user))
}

func change(row *row, event *event) {
	for _, field := range event.Data.ChangedFields {
		if field == "name" {
			row.Name = nil // if it is absent, it was removed
		}
	}
	if event.Data.Name != nil {
		row.Name = event.Data.Name
	}
	if event.Data.Status != nil {
		row.Status = event.Data.Status
	}
	if row.Status != nil && *row.Status == "deleted" {
		row.Name = nil
	}
}

// isOldest says whether everything before this message is settled: what is missing then will never be delivered.
func isOldest(ctx context.Context, consumer jetstream.Consumer, message jetstream.Msg) (bool, error) {
	info, err := consumer.Info(ctx)
	if err != nil {
		return false, err
	}
	meta, err := message.Metadata()
	if err != nil {
		return false, err
	}
	isFirst := meta.NumDelivered == 1 && info.AckFloor.Consumer+1 >= meta.Sequence.Consumer
	return isFirst || info.AckFloor.Stream+1 >= meta.Sequence.Stream, nil
}

func handle(ctx context.Context, consumer jetstream.Consumer, message jetstream.Msg) error {
	var event event
	if err := json.Unmarshal(message.Data(), &event); err != nil {
		return err
	}
	user, seq := event.Data.UserID, event.Data.UserSeq
	if seq == 0 {
		return message.Ack() // it has no place in the order
	}
	row, err := load(user)
	if err != nil {
		return err
	}
	if next := row.Seq + 1; seq > next {
		oldest, err := isOldest(ctx, consumer, message)
		if err != nil {
			return err
		} else if !oldest {
			return message.NakWithDelay(500 * time.Millisecond) // those before it come again
		}
		log.Printf("user %s: events %d to %d are missing", user, next, seq-1)
	}
	if seq > row.Seq {
		change(&row, &event)
		row.Seq = seq
		if err := save(user, row); err != nil {
			return err
		}
	}
	return message.Ack()
}

func run(ctx context.Context) error {
	connection, err := nats.Connect(os.Getenv("NATS_URL"))
	if err != nil {
		return err
	}
	js, err := jetstream.New(connection)
	if err != nil {
		return err
	}
	consumer, err := js.Consumer(ctx, "auth-events", os.Getenv("DURABLE"))
	if err != nil {
		return err
	}
	messages, err := consumer.Messages()
	if err != nil {
		return err
	}
	for {
		message, err := messages.Next()
		if err != nil {
			return err
		}
		if err := handle(ctx, consumer, message); err != nil {
			return err
		}
	}
}

func main() { log.Fatal(run(context.Background())) }
