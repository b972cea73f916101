/** Tells the time, again and again: "now" and ns since 1970; then, behind three zeros, the ns of the monotonic clock. */
public class Tell {
    public static void main(String[] words) throws InterruptedException {
        System.out.println("node is ready");
        while (true) {
            System.out.println("now " + System.currentTimeMillis() * 1_000_000 + " 0 0 0 " + System.nanoTime());
            Thread.sleep(5);
        }
    }
}
