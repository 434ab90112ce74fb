package main

import (
	"bufio"
	"fmt"
	"log"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
)

// echoNet serves 10,000 connections of contenders/echo_clients.c, 256 of which wait for an answer: requests a second.
func echoNet() float64 {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		log.Fatal(err)
	}
	go func() {
		for {
			connection, err := listener.Accept()
			if err != nil {
				return
			}
			go echoTo(connection)
		}
	}()
	program := compiled("echo_clients")
	defer os.Remove(program)
	port := listener.Addr().(*net.TCPAddr).Port
	clients := exec.Command(program, strconv.Itoa(port), "10000", "256", "2")
	stdin, _ := clients.StdinPipe()
	stdout, _ := clients.StdoutPipe()
	if err := clients.Start(); err != nil {
		log.Fatal(err)
	}
	lines := bufio.NewScanner(stdout)
	if !lines.Scan() || lines.Text() != "open" {
		log.Fatalf("the clients say %q", lines.Text())
	}
	fmt.Fprintln(stdin)
	lines.Scan()
	rate, err := strconv.ParseFloat(lines.Text(), 64)
	if err != nil {
		log.Fatal(err)
	}
	clients.Wait()
	return rate
}

func echoTo(connection net.Conn) {
	defer connection.Close()
	bytes := make([]byte, 4096)
	for {
		count, err := connection.Read(bytes)
		if err != nil {
			return
		}
		if _, err := connection.Write(bytes[:count]); err != nil {
			return
		}
	}
}

// compiled is the C program of that name in contenders.
func compiled(name string) string {
	program := filepath.Join(os.TempDir(), fmt.Sprintf("heddle-%s-%d", name, os.Getpid()))
	_, here, _, _ := runtime.Caller(0)
	source := filepath.Join(filepath.Dir(here), "..", "contenders", name+".c")
	if text, err := exec.Command("gcc", "-O2", "-o", program, source).CombinedOutput(); err != nil {
		log.Fatalf("gcc %s: %s", source, text)
	}
	return program
}
