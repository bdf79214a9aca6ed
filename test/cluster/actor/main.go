// Command actor plays the parts that the cluster tests need: an application that calls others
// and counts the attacks that reach it, and a client that keeps asking and forgets no failure.
//
//	actor serve                      an application on :8080, or with the certificate in TLS_DIR on :8443
//	actor ask [flags] URL            keep asking until standard input ends, then report
//	actor get URL                    ask once, print status and body
package main

import (
	"crypto/tls"
	"fmt"
	"io"
	"net/http"
	"os"
	"time"
)

func main() {
	commands := map[string]func([]string) error{"serve": serve, "ask": ask, "get": get}
	if len(os.Args) < 2 || commands[os.Args[1]] == nil {
		fmt.Fprintln(os.Stderr, "usage: actor serve | actor ask [flags] URL | actor get URL")
		os.Exit(2)
	}
	if err := commands[os.Args[1]](os.Args[2:]); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// anybody believes every certificate: which one is shown is asked elsewhere.
func anybody() *tls.Config { return &tls.Config{InsecureSkipVerify: true} }

// get prints the status in the first line and the body below.
func get(args []string) error {
	if len(args) != 1 {
		return fmt.Errorf("want one URL, have %v", args)
	}
	c := http.Client{Timeout: 5 * time.Second, Transport: &http.Transport{TLSClientConfig: anybody()}}
	resp, err := c.Get(args[0])
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	fmt.Println(resp.StatusCode)
	_, err = io.Copy(os.Stdout, resp.Body)
	return err
}
