package org.mobileasr;

/**
 * Told of what happens in rounds, on the thread that runs them. Of the owner's methods only {@link
 * Owner#setCancelled} and {@link Owner#close} may be called from it. What it throws stops the round
 * and comes out of {@link Owner#run}.
 */
public interface RoundListener {
  /** Something happened. */
  void onEvent(Event event);
}
