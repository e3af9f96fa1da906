package org.mobileasr;

/**
 * One person's folder of rounds: {@code masr_owner}. What to train within a budget is planned,
 * learned, judged, accepted or not, and can be taken back.
 *
 * <p>{@link #setCancelled} from another thread stops a round: its result is {@code unfinished}, and
 * {@link RoundOptions.Mode#RESUME} goes on with it.
 */
public final class Owner extends Handle {
  private final Callbacks callbacks;

  private Owner(int threads, Callbacks callbacks) {
    super("the owner", Native.ownerCreate(threads, callbacks.hasMonitor()));
    this.callbacks = callbacks;
  }

  /** Opens the folder, or makes it with a copy of {@code base}; a thread for each core. */
  public static Owner open(String folder, String base) {
    return open(folder, base, 0, null, null);
  }

  /**
   * The same, with so many threads (0: one for each core), a listener and a monitor (null: none).
   */
  public static Owner open(
      String folder, String base, int threads, RoundListener listener, DeviceMonitor monitor) {
    byte[] folderPath = Utf8.needed("folder", folder);
    byte[] basePath = Utf8.needed("base", base);
    Owner owner = new Owner(threads, new Callbacks(listener, monitor));
    try {
      owner.call(handle -> Native.ownerOpen(handle, folderPath, basePath));
    } catch (RuntimeException | Error failed) {
      owner.close();
      throw failed;
    }
    return owner;
  }

  /** Path of the model that is accepted now, for {@link Model#load}. */
  public String acceptedModel() {
    return Utf8.split(get(handle -> Native.ownerModel(handle)), 1)[0];
  }

  /**
   * Measures what the device computes in a second, for plans: a second or two, and up to 40 MB of
   * this process meanwhile. Kept in the folder; without it the first plan measures.
   */
  public void measure() {
    call(handle -> Native.ownerMeasure(handle, callbacks));
  }

  /** What was measured, as JSON: for another folder or process on the same kind of device. */
  public String profile() {
    return Utf8.split(get(handle -> Native.ownerProfile(handle)), 1)[0];
  }

  /** Plans go by this profile, and nothing is measured; null: forgets the one there is. */
  public void setProfile(String json) {
    byte[] text = Utf8.of(json);
    call(handle -> Native.ownerSetProfile(handle, text));
  }

  /** Which sub-model a round would train, and what it would take; no round is begun. */
  public Plan plan(RoundOptions options) {
    long[] integers = new long[10];
    double[] reals = new double[5];
    byte[] texts =
        get(
            handle ->
                Native.ownerPlan(
                    handle, callbacks, options.texts(), options.integers(), options.reals(),
                    trainingIntegers(options), trainingReals(options), integers, reals));
    return new Plan(Utf8.split(texts, 2), integers, reals);
  }

  /**
   * Runs a round: learns from new speech and some of the old, judges what was learned, and accepts
   * it or keeps what was. It may take minutes. A round that was halted is a result, not an error.
   */
  public RoundResult run(RoundOptions options) {
    long[] integers = new long[8];
    double[] reals = new double[6];
    byte[] texts =
        get(
            handle ->
                Native.ownerRun(
                    handle, callbacks, options.texts(), options.integers(), options.reals(),
                    trainingIntegers(options), trainingReals(options), integers, reals));
    return new RoundResult(Utf8.split(texts, 3), integers, reals);
  }

  /** The model before the last accepted one is used again; one step back at most. */
  public void rollback() {
    call(handle -> Native.ownerRollback(handle));
  }

  /** All rounds, as a JSON object {"rounds": [...]}, oldest first. */
  public String history() {
    return Utf8.split(get(handle -> Native.ownerHistory(handle)), 1)[0];
  }

  /** Writes all rounds as an HTML page of one file. */
  public void report(String path) {
    byte[] file = Utf8.needed("path", path);
    call(handle -> Native.ownerReport(handle, file));
  }

  private static long[] trainingIntegers(RoundOptions options) {
    return options.training == null ? null : options.training.integers();
  }

  private static double[] trainingReals(RoundOptions options) {
    return options.training == null ? null : options.training.reals();
  }

  @Override
  void destroy(long handle) {
    Native.ownerDestroy(handle);
  }

  @Override
  void destroyPart(long part) {} // it has none

  @Override
  void cancel(long handle, boolean isCancelled) {
    Native.ownerSetCancelled(handle, isCancelled);
  }
}
