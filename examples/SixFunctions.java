import java.math.BigDecimal;
import java.math.MathContext;
import org.mobileasr.Inference;
import org.mobileasr.MobileAsrException;
import org.mobileasr.Model;
import org.mobileasr.ModelInfo;
import org.mobileasr.Parameter;
import org.mobileasr.Speech;
import org.mobileasr.Step;

/**
 * The six functions in Java: SixFunctions MODEL AUDIO TEXT CHECKPOINT
 *
 * <p>Hears a recording, learns its text for three updates, saves, learns on, goes back to the
 * checkpoint and learns on again, to the same numbers.
 */
public final class SixFunctions {
  private SixFunctions() {}

  /** As C prints it with %.17g, between 0.0001 and 1e17. */
  private static String digits(double value) {
    BigDecimal rounded = new BigDecimal(value).round(new MathContext(17));
    return rounded.stripTrailingZeros().toPlainString();
  }

  private static void hear(Model model, Speech speech, int tokens) {
    Inference heard = model.infer(speech);
    double blank = 0;
    for (int at = 0; at < heard.probabilities.length; at += tokens) {
      blank += heard.probabilities[at];
    }
    System.out.printf(
        "infer %d rows, %s of them blank: %s%n", heard.rows[0], digits(blank), heard.texts[0]);
  }

  private static void learn(Model model, Speech speech) {
    Step step = model.train(speech);
    System.out.printf(
        "train %d: loss %s, gradient %s%n",
        step.step, digits(step.loss), digits(step.gradientNorm));
  }

  /** Says what it hears and learns. */
  public static void main(String[] arguments) {
    if (arguments.length != 4) {
      System.err.println("usage: SixFunctions MODEL AUDIO TEXT CHECKPOINT");
      System.exit(2);
    }
    try (Model model = Model.load(arguments[0])) {
      Speech speech = new Speech().add(model.readAudio(arguments[1]), arguments[2]);
      ModelInfo info = model.describe();
      long trainingBytes = 0;
      for (Parameter parameter : model.parameters()) {
        trainingBytes += parameter.trainingBytes;
      }
      System.out.printf(
          "parameters %d in %d blocks, all of them learn in %d bytes%n",
          info.parameters, info.blocks, trainingBytes);
      hear(model, speech, info.tokens);
      System.out.printf("loss %s%n", digits(model.loss(speech).perToken));
      for (int update = 0; update < 3; ++update) {
        learn(model, speech);
      }
      model.save(arguments[3]);
      learn(model, speech);
      model.restore(arguments[3]);
      learn(model, speech);
      hear(model, speech, info.tokens);
    } catch (MobileAsrException failed) {
      System.err.println("MASR_" + failed.status() + ": " + failed.getMessage());
      System.exit(1);
    }
  }
}
