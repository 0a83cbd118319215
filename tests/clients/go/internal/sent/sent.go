// Package sent records what a driver asked its client to send: one JSON object per line.
package sent

import (
	"bufio"
	"encoding/json"
	"os"
	"strconv"
	"time"
)

// Line is one expected line of the capture.
type Line struct {
	Labels map[string]string `json:"labels"`
	Msg    string            `json:"msg"`
	TS     string            `json:"ts"`
	Meta   map[string]string `json:"meta,omitempty"`
}

// Job is what the command line asked for.
type Job struct {
	Variant, URL string
	Lines        []string
	report       *os.File
	out          *bufio.Writer
}

// Start reads the command line: variant, base URL, lines file, report file.
func Start() *Job {
	text, err := os.ReadFile(os.Args[3])
	Must(err)
	job := &Job{Variant: os.Args[1], URL: os.Args[2]}
	Must(json.Unmarshal(text, &job.Lines))
	job.report, err = os.Create(os.Args[4])
	Must(err)
	job.out = bufio.NewWriter(job.report)
	return job
}

// Sent adds a line to the report.
func (j *Job) Sent(labels map[string]string, msg string, at time.Time, meta map[string]string) {
	text, err := json.Marshal(Line{labels, msg, strconv.FormatInt(at.UnixNano(), 10), meta})
	Must(err)
	_, err = j.out.Write(append(text, '\n'))
	Must(err)
}

// Close writes the report out.
func (j *Job) Close() {
	Must(j.out.Flush())
	Must(j.report.Close())
}

// Must ends the program on an error.
func Must(err error) {
	if err != nil {
		panic(err)
	}
}
