package main

// fib is Fibonacci by fork and join: each number is a goroutine, down to the last two.
func fib(n int) int {
	if n < 2 {
		return n
	}
	less := make(chan int, 1)
	go func() { less <- fib(n - 1) }()
	least := make(chan int, 1)
	go func() { least <- fib(n - 2) }()
	return <-least + <-less
}
