package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	foliotv1 "example.com/client/gen/foliot/v1"
	"google.golang.org/grpc"
)

// A stream is opened anew after this time, so that one whose connection died without a word is
// not listened to for ever.
const renewAfter = 5 * time.Minute

// watch prints what happens to an instance until it has ended. When the stream breaks, it goes on
// after the last entry it has had: none is left out, none comes twice.
func watch(ctx context.Context, conn *grpc.ClientConn, instanceID string) error {
	events := foliotv1.NewEventServiceClient(conn)
	var seen int64
	for failures := 0; ; {
		before := seen
		err := watchOnce(ctx, events, instanceID, &seen)
		if err == nil || !mayPass(err) || ctx.Err() != nil {
			return err
		}
		if seen > before {
			failures = 0
		}
		failures++
		fmt.Fprintf(os.Stderr, "reconnecting after seq %d: %s\n", seen, explain(err))
		pause(ctx, failures, err)
	}
}

func watchOnce(
	ctx context.Context,
	events foliotv1.EventServiceClient,
	instanceID string,
	seen *int64,
) error {
	ctx, cancel := context.WithTimeout(ctx, renewAfter)
	defer cancel()
	stream, err := events.WatchInstance(ctx, &foliotv1.WatchInstanceRequest{
		InstanceId: instanceID,
		AfterSeq:   *seen,
	})
	if err != nil {
		return err
	}
	for {
		message, err := stream.Recv()
		if errors.Is(err, io.EOF) {
			return nil // the instance has ended, and all of it was told
		}
		if err != nil {
			return err
		}
		if entry := message.Entry; entry != nil { // without one it is a bookmark
			name := strings.TrimPrefix(entry.Type.String(), "HISTORY_ENTRY_TYPE_")
			fmt.Println(entry.Seq, name)
		}
		*seen = message.Seq
	}
}
