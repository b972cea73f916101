// Tells the time, again and again: "now" and ns since 1970.
package main

import (
	"fmt"
	"time"
)

func main() {
	fmt.Println("node is ready")
	for {
		fmt.Println("now", time.Now().UnixNano())
		time.Sleep(5 * time.Millisecond)
	}
}
