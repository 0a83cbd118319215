// Loki's own protobuf types and encoder, as Promtail and Alloy post them: snappy block, Go-quoted
// labels; with gzip around it in the second variant.
package main

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"io"
	"net/http"
	"sort"
	"strconv"
	"strings"
	"time"

	"github.com/golang/snappy"
	"github.com/grafana/loki/pkg/push"

	"logtap.test/clients/internal/sent"
)

const batch = 50

var streams = []map[string]string{
	{"job": "plain"},
	{"job": "a \"q\", b=\"c\"", "path": `C:\temp\dir`, "n": "5"},
	{"job": "tab\tnewline\nnul\x00bell\adel\x7f", "uni": "žluť\u200b\u2028🦀\ufeff"},
	{"job": "{a=`b`}", "filename": "/var/log/x.log"},
}

// render is what Promtail does: names sorted, values through strconv.Quote.
func render(labels map[string]string) string {
	var parts []string
	for name, value := range labels {
		parts = append(parts, name+"="+strconv.Quote(value))
	}
	sort.Strings(parts)
	return "{" + strings.Join(parts, ", ") + "}"
}

func post(job *sent.Job, request *push.PushRequest) {
	raw, err := request.Marshal()
	sent.Must(err)
	body := snappy.Encode(nil, raw)
	encoding := "snappy"
	if job.Variant == "gzip" {
		var packed bytes.Buffer
		writer := gzip.NewWriter(&packed)
		_, err = writer.Write(body)
		sent.Must(err)
		sent.Must(writer.Close())
		body, encoding = packed.Bytes(), "gzip"
	}
	message, err := http.NewRequest(http.MethodPost, job.URL+"/loki/api/v1/push", bytes.NewReader(body))
	sent.Must(err)
	message.Header.Set("Content-Type", "application/x-protobuf")
	message.Header.Set("Content-Encoding", encoding)
	message.Header.Set("X-Scope-OrgID", "tenant-1")
	answer, err := http.DefaultClient.Do(message)
	sent.Must(err)
	text, err := io.ReadAll(answer.Body)
	sent.Must(err)
	sent.Must(answer.Body.Close())
	if answer.StatusCode != http.StatusNoContent {
		panic(fmt.Sprintf("answered %s: %s", answer.Status, text))
	}
}

type line struct{ sent, meant string }

func main() {
	job := sent.Start()
	var lines []line
	for _, text := range job.Lines {
		lines = append(lines, line{text, text})
	}
	// The wire format does not insist on UTF-8, the capture (JSON) does: every invalid byte is replaced.
	lines = append(lines, line{"bad \xff\xfe bytes", "bad \ufffd\ufffd bytes"}, line{"cut \xc3", "cut \ufffd"})
	start := time.Date(2026, 11, 22, 8, 0, 0, 123456789, time.UTC)
	for from := 0; from < len(lines); from += batch {
		request := &push.PushRequest{}
		for number := range streams {
			request.Streams = append(request.Streams, push.Stream{Labels: render(streams[number])})
		}
		for number := from; number < min(from+batch, len(lines)); number++ {
			which := number % len(streams)
			at := start.Add(time.Duration(number) * time.Nanosecond)
			entry := push.Entry{Timestamp: at, Line: lines[number].sent}
			var meta map[string]string
			if number%2 == 0 {
				entry.StructuredMetadata = push.LabelsAdapter{{Name: "trace_id", Value: strconv.Itoa(number)}, {Name: "note", Value: "q \"x\" \\ ž\n"}}
				meta = map[string]string{"trace_id": strconv.Itoa(number), "note": "q \"x\" \\ ž\n"}
			}
			request.Streams[which].Entries = append(request.Streams[which].Entries, entry)
			job.Sent(streams[which], lines[number].meant, at, meta)
		}
		post(job, request)
	}
	job.Close()
}
