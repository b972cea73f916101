// Tells the time, again and again: "now" and ns since 1970; then, behind three zeros, the ns since the program began by the
// monotonic clock.
package main

import (
	"fmt"
	"time"
)

func main() {
	began := time.Now()
	fmt.Println("node is ready")
	for {
		now := time.Now()
		fmt.Println("now", now.UnixNano(), 0, 0, 0, now.Sub(began).Nanoseconds())
		time.Sleep(5 * time.Millisecond)
	}
}
