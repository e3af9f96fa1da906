package org.mobileasr;

import java.util.ArrayList;
import java.util.List;

/**
 * What stands between Java and a handle of the library.
 *
 * <p>One call at a time, from any thread: a second one at the same time is refused with {@link
 * Status#BUSY}, also one that comes out of a callback (but for a {@link Function}). Only {@link #setCancelled} and {@link #close}
 * may come at any time.
 */
public abstract class Handle implements AutoCloseable {
  private final String what;
  private long address; // 0: closed
  private int calls; // under way: above one where an app's function, out of a call, calls again
  private int functions; // of the app's that are under way
  private Thread caller; // of the calls
  private boolean closing;
  private boolean cancelled;
  private final List<Long> parts = new ArrayList<>(); // that must go before the handle
  private final List<Long> dropped = new ArrayList<>(); // during a call, which may use them

  Handle(String what, long address) {
    this.what = what;
    this.address = address;
  }

  abstract void destroy(long ofAddress);

  abstract void destroyPart(long part);

  abstract void cancel(long ofAddress, boolean isCancelled);

  /** A call of the library that gives something. */
  interface Getter<T> {
    T get(long ofAddress);
  }

  /** A call of the library that gives nothing. */
  interface Action {
    void run(long ofAddress);
  }

  final <T> T get(Getter<T> getter) {
    long entered = enter();
    try {
      return getter.get(entered);
    } finally {
      leave();
    }
  }

  final void call(Action action) {
    long entered = enter();
    try {
      action.run(entered);
    } finally {
      leave();
    }
  }

  private synchronized long enter() {
    if (address == 0 || closing) {
      throw new IllegalStateException(what + " is closed");
    }
    if (calls != functions || (calls > 0 && caller != Thread.currentThread())) {
      throw new MobileAsrException(
          Status.BUSY.ordinal(), "another call with " + what + " has not returned yet");
    }
    ++calls;
    caller = Thread.currentThread();
    return address;
  }

  /** The call that is under way is in a function of the app's, which may call again. */
  final synchronized void enterFunction() {
    ++functions;
  }

  final synchronized void leaveFunction() {
    --functions;
  }

  private synchronized void leave() {
    --calls;
    if (calls > 0) {
      return;
    }
    caller = null;
    for (long part : dropped) {
      destroyPart(part);
    }
    dropped.clear();
    if (closing) {
      release();
    } else {
      // A callback that threw has stopped its own call, and not the next one.
      cancel(address, cancelled);
    }
  }

  /**
   * While it is true, calls that take long end with {@link Status#CANCELLED} at their next
   * opportunity, and new ones at once; a round ends as unfinished. Any thread, at any time; of a
   * closed handle it does nothing.
   */
  public final synchronized void setCancelled(boolean isCancelled) {
    cancelled = isCancelled;
    if (address != 0 && !closing) {
      cancel(address, isCancelled);
    }
  }

  /**
   * Gives back what the handle holds. Never waits: a call that is under way on another thread is
   * cancelled, and what it uses goes when it returns. A second time it does nothing.
   */
  @Override
  public final synchronized void close() {
    if (address == 0 || closing) {
      return;
    }
    closing = true;
    if (calls > 0) {
      cancel(address, true);
    } else {
      release();
    }
  }

  final synchronized void addPart(long part) {
    parts.add(part);
  }

  /** Destroys it, after the call that is under way; nothing where the handle has taken it along. */
  final synchronized void dropPart(long part) {
    if (!parts.remove(Long.valueOf(part))) {
      return;
    }
    if (calls > 0) {
      dropped.add(part);
    } else {
      destroyPart(part);
    }
  }

  private void release() {
    for (long part : parts) {
      destroyPart(part);
    }
    parts.clear();
    destroy(address);
    address = 0;
  }
}
