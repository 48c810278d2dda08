// Reads a page with Go's HTTP client: its body goes to the output, its Content-Encoding to the errors.
//
// As "transport" it leaves gzip to the client, which asks for it, decodes it and takes the header away; as "gzip" it
// asks and decodes by itself. Only the standard library is used.
package main

import (
	"compress/gzip"
	"fmt"
	"io"
	"net/http"
	"os"
)

func read(client, url, accept string) (string, error) {
	request, err := http.NewRequest(http.MethodGet, url, nil)
	if err != nil {
		return "", err
	}
	request.Header.Set("Accept", accept)
	if client == "gzip" {
		request.Header.Set("Accept-Encoding", "gzip")
	}
	answer, err := http.DefaultClient.Do(request)
	if err != nil {
		return "", err
	}
	defer answer.Body.Close()
	if answer.StatusCode != http.StatusOK {
		return "", fmt.Errorf("status %s", answer.Status)
	}
	encoding := answer.Header.Get("Content-Encoding")
	var body io.Reader = answer.Body
	if client == "gzip" {
		if body, err = gzip.NewReader(answer.Body); err != nil {
			return "", err
		}
	} else if answer.Uncompressed {
		// Set where the transport has decoded gzip, and nowhere else.
		encoding = "gzip"
	}
	_, err = io.Copy(os.Stdout, body)
	return encoding, err
}

func main() {
	encoding, err := read(os.Args[1], os.Args[2], os.Args[3])
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	fmt.Fprintln(os.Stderr, encoding)
}
