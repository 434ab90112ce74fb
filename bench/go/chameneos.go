package main

type arrival struct {
	colour  int
	partner chan int
}

// chameneos: creatures of three colours meet two by two in a mall. Returns the meetings that they counted.
func chameneos(meetings int) int {
	const creatures, colours, none = 100, 3, -1
	mall, counts := make(chan arrival), make(chan int)
	for i := range creatures {
		go func() {
			partner, colour, met := make(chan int, 1), i%colours, 0
			for {
				mall <- arrival{colour, partner}
				other := <-partner
				if other == none {
					break
				}
				met++
				if other != colour {
					colour = colours - colour - other
				}
			}
			counts <- met
		}()
	}
	for range meetings {
		a, b := <-mall, <-mall
		a.partner <- b.colour
		b.partner <- a.colour
	}
	for range creatures {
		(<-mall).partner <- none
	}
	sum := 0
	for range creatures {
		sum += <-counts
	}
	return sum
}
