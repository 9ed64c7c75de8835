package example;

/** Says why an attempt did not succeed; retry policies can tell its kinds apart. */
final class TaskFailed extends Exception {
  private final String kind;
  private final boolean retryable;

  TaskFailed(String kind, String message, boolean retryable) {
    super(message);
    this.kind = kind;
    this.retryable = retryable;
  }

  String kind() {
    return kind;
  }

  boolean isRetryable() {
    return retryable;
  }
}
