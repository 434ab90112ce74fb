package main

// stages is a pipeline: two goroutines compute for about 100 us on each job. Returns the sum of what came out.
func stages(jobs int) int {
	first, second, last := make(chan uint32, 8), make(chan uint32, 8), make(chan uint32, 8)
	stage := func(from <-chan uint32, to chan<- uint32) {
		for seed := range from {
			to <- spin(seed, 60_000) & 1023
		}
		close(to)
	}
	go stage(first, second)
	go stage(second, last)
	go func() {
		for i := range jobs {
			first <- uint32(i)
		}
		close(first)
	}()
	sum := 0
	for result := range last {
		sum += int(result)
	}
	return sum
}
