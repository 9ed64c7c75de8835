package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	executorv1 "example.com/client/gen/foliot/executor/v1"
	foliotv1 "example.com/client/gen/foliot/v1"
	"google.golang.org/grpc"
	"google.golang.org/protobuf/types/known/durationpb"
	"google.golang.org/protobuf/types/known/timestamppb"
)

const lookEvery = 500 * time.Millisecond

var (
	errLost      = errors.New("the task is another worker's now")
	errCancelled = errors.New("the task is not needed any more")
)

// A worker carries out one task at a time. For more at once, run more of them.
type worker struct {
	executor executorv1.ExecutorServiceClient
	name     string
	session  string // its lease covers the task in hand
	leaseTTL time.Duration
}

// work claims tasks and carries them out until told to stop; the one in hand it finishes.
func work(ctx context.Context, conn *grpc.ClientConn) error {
	host, err := os.Hostname()
	if err != nil {
		return err
	}
	w := worker{executor: executorv1.NewExecutorServiceClient(conn), name: host}
	// Being told to stop ends the claiming, and not a call or a task that is under way.
	unstopped := context.WithoutCancel(ctx)
	for failures := 0; ctx.Err() == nil; {
		task, err := w.claim(unstopped)
		switch {
		case err == nil && task != nil:
			failures = 0
			if err := w.carryOut(unstopped, task); err != nil {
				return err
			}
		case err == nil:
			failures = 0
			sleep(ctx, lookEvery)
		case info(err).GetReason() == "LEASE_LOST" || mayPass(err):
			// The session has expired. Or the answer was lost, maybe with a task in it, which
			// nobody else gets for as long as this session lives. So begin a new one.
			w.session = ""
			failures++
			pause(ctx, failures, err)
		default:
			return err
		}
	}
	return nil
}

// claim takes a task, or nil if there is none. It is made once: a repeat would take another task.
func (w *worker) claim(ctx context.Context) (*executorv1.ClaimedTask, error) {
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	claimed, err := w.executor.ClaimTasks(ctx, &executorv1.ClaimTasksRequest{
		SessionId:    w.session,
		ExecutorName: w.name,
		Queues:       []string{"carrier"},
		TaskTypes:    []foliotv1.TaskType{foliotv1.TaskType_TASK_TYPE_SYSTEM},
		MaxTasks:     1,
	})
	if err != nil {
		return nil, err
	}
	w.session, w.leaseTTL = claimed.SessionId, claimed.LeaseTtl.AsDuration()
	if len(claimed.Tasks) == 0 {
		return nil, nil
	}
	return claimed.Tasks[0], nil
}

// carryOut makes one attempt, keeps the lease meanwhile, and reports how it ended.
func (w *worker) carryOut(ctx context.Context, task *executorv1.ClaimedTask) error {
	fmt.Printf("claimed %s epoch %d\n", task.TaskId, task.Epoch)
	outcome := &executorv1.Outcome{
		TaskId:      task.TaskId,
		TenantId:    task.TenantId,
		Epoch:       task.Epoch,
		StartedTime: timestamppb.Now(),
	}
	began := time.Now()
	attempt, stop := context.WithCancelCause(ctx)
	if task.Timeout != nil {
		var cancel context.CancelFunc
		attempt, cancel = context.WithTimeout(attempt, task.Timeout.AsDuration())
		defer cancel()
	}
	beating := make(chan struct{})
	go func() {
		defer close(beating)
		w.keepLease(attempt, task, stop)
	}()
	output, err := call(attempt, task)
	cause := context.Cause(attempt)
	stop(nil)
	<-beating

	outcome.Duration = durationpb.New(time.Since(began))
	var failure *failure
	switch {
	case errors.Is(cause, errLost):
		fmt.Println("lost", task.TaskId) // whoever has it now will report
		return nil
	case errors.Is(cause, errCancelled):
		fmt.Println("stopped", task.TaskId)
		outcome.Result = &executorv1.Outcome_Cancelled_{Cancelled: &executorv1.Outcome_Cancelled{}}
	case err == nil:
		outcome.Result = &executorv1.Outcome_Succeeded_{
			Succeeded: &executorv1.Outcome_Succeeded{Output: &foliotv1.Json{Json: string(output)}},
		}
	case errors.As(err, &failure):
		outcome.Result = failed(failure.kind, failure.Error(), failure.retryable)
	case errors.Is(err, context.DeadlineExceeded):
		outcome.Result = failed("timeout", "the attempt took too long", true)
	default:
		outcome.Result = failed("error", err.Error(), true)
	}
	return w.report(ctx, outcome)
}

// keepLease extends the lease three times as often as it has to, so that a call may fail.
func (w *worker) keepLease(
	ctx context.Context,
	task *executorv1.ClaimedTask,
	stop context.CancelCauseFunc,
) {
	every := time.NewTicker(w.leaseTTL / 3)
	defer every.Stop()
	for {
		limited, cancel := context.WithTimeout(ctx, w.leaseTTL/3)
		extended, err := w.executor.ExtendLeases(limited, &executorv1.ExtendLeasesRequest{
			SessionId: w.session,
			Running: []*executorv1.RunningAttempt{
				{TaskId: task.TaskId, TenantId: task.TenantId, Epoch: task.Epoch},
			},
		})
		cancel()
		switch {
		case err != nil && !mayPass(err):
			stop(err)
		case len(extended.GetLost()) > 0:
			stop(errLost)
		case len(extended.GetCancelled()) > 0:
			stop(errCancelled)
		}
		select {
		case <-every.C:
		case <-ctx.Done():
			return
		}
	}
}

// report sends an outcome until it is acknowledged: applying it is idempotent by task and epoch.
func (w *worker) report(ctx context.Context, outcome *executorv1.Outcome) error {
	reported, err := repeating(ctx, w.executor.ReportOutcomes, &executorv1.ReportOutcomesRequest{
		SessionId: w.session,
		Outcomes:  []*executorv1.Outcome{outcome},
	})
	if err != nil {
		return err
	}
	ack := reported.Acks[0]
	// Every verdict is final, also one that says that the outcome was not applied.
	fmt.Println("reported", ack.TaskId, ack.Verdict)
	return nil
}

func failed(kind, message string, retryable bool) *executorv1.Outcome_Failed_ {
	return &executorv1.Outcome_Failed_{Failed: &executorv1.Outcome_Failed{
		Failure: &foliotv1.Failure{Kind: kind, Message: message, Retryable: retryable},
	}}
}
