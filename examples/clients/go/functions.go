package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	executorv1 "example.com/client/gen/foliot/executor/v1"
)

// A failure says why an attempt did not succeed; retry policies can tell its kinds apart.
type failure struct {
	kind      string
	message   string
	retryable bool
}

func (f *failure) Error() string { return f.message }

// call calls the function that a task names.
func call(ctx context.Context, task *executorv1.ClaimedTask) ([]byte, error) {
	if task.Function != "book" {
		// What is claimed depends on queue and type only: a queue for each kind of worker.
		return nil, &failure{kind: "function.unknown", message: "no function " + task.Function}
	}
	var input booking
	if err := json.Unmarshal([]byte(task.Input.GetJson()), &input); err != nil {
		return nil, &failure{kind: "input.invalid", message: err.Error()}
	}
	number, err := book(ctx, input, task.IdempotencyKey)
	if err != nil {
		return nil, err
	}
	return json.Marshal(map[string]string{"booking": number})
}

type booking struct {
	Parcel  string `json:"parcel"`
	Seconds int    `json:"seconds"`
}

// book books a carrier. CARRIER, a directory, stands for the carrier's system: like any that can
// be called safely it knows a repeat by its key, and answers it as it did the first time.
func book(ctx context.Context, input booking, key string) (string, error) {
	entry := filepath.Join(os.Getenv("CARRIER"), key)
	file, err := os.OpenFile(entry, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o644)
	switch {
	case errors.Is(err, fs.ErrExist):
		fmt.Println("was booked before:", input.Parcel)
	case err != nil:
		return "", err
	default:
		file.Close()
		fmt.Println("booked:", input.Parcel)
	}
	select { // it takes its time to confirm
	case <-time.After(time.Duration(input.Seconds) * time.Second):
		return "B-" + key[:8], nil
	case <-ctx.Done():
		return "", ctx.Err()
	}
}
