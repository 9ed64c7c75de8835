package main

import (
	"context"
	"fmt"
	"math/rand/v2"
	"time"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

const (
	attempts    = 8
	callTimeout = 10 * time.Second
	firstPause  = 100 * time.Millisecond
	longest     = 5 * time.Second
)

// info is what a program branches on: its reason is the name of an ErrorReason. It is nil where
// the error is not foliot's, but the network's or a proxy's.
func info(err error) *errdetails.ErrorInfo {
	for _, detail := range status.Convert(err).Details() {
		if info, ok := detail.(*errdetails.ErrorInfo); ok && info.Domain == "foliot" {
			return info
		}
	}
	return nil
}

func explain(err error) string {
	if found := info(err); found != nil {
		return fmt.Sprintf("%s: %s (correlation id %s)",
			found.Reason, status.Convert(err).Message(), found.Metadata["correlation_id"])
	}
	return err.Error()
}

// mayPass is whether the same call may succeed in a while. Whether it was done, it does not say.
func mayPass(err error) bool {
	code := status.Code(err)
	return code == codes.Unavailable || code == codes.DeadlineExceeded
}

// repeating makes a call until it is answered. Only for calls that may be made twice: those that
// change nothing, and those that carry an id by which foliot knows a repeat.
func repeating[Q, A any](
	ctx context.Context,
	call func(context.Context, Q, ...grpc.CallOption) (A, error),
	request Q,
) (A, error) {
	for attempt := 1; ; attempt++ {
		limited, cancel := context.WithTimeout(ctx, callTimeout)
		answer, err := call(limited, request)
		cancel()
		if err == nil || !mayPass(err) || attempt == attempts || ctx.Err() != nil {
			return answer, err
		}
		pause(ctx, attempt, err)
	}
}

// pause waits longer the more attempts have failed, at random, so that not all come back at once,
// and at least as long as the server asks for. It ends early with ctx.
func pause(ctx context.Context, attempt int, err error) {
	most := min(longest, firstPause<<min(attempt, 10))
	wait := rand.N(most)
	for _, detail := range status.Convert(err).Details() {
		if asked, ok := detail.(*errdetails.RetryInfo); ok {
			wait += asked.GetRetryDelay().AsDuration()
		}
	}
	sleep(ctx, wait)
}

func sleep(ctx context.Context, wait time.Duration) {
	select {
	case <-time.After(wait):
	case <-ctx.Done():
	}
}
