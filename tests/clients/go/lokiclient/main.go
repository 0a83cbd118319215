// loki-client-go, Promtail's client as a library: batches by size and age, retries 429 and 5xx.
// Its JSON is the old schema (label string, RFC 3339 time) whatever the route.
package main

import (
	"time"

	"github.com/grafana/loki-client-go/loki"
	"github.com/prometheus/common/model"

	"logtap.test/clients/internal/sent"
)

func main() {
	job := sent.Start()
	config, err := loki.NewDefaultConfig(job.URL + "/loki/api/v1/push")
	sent.Must(err)
	config.EncodeJson = job.Variant == "json"
	config.BatchWait = 100 * time.Millisecond
	config.BatchSize = 64 * 1024
	config.BackoffConfig.MaxRetries = 3
	client, err := loki.New(config)
	sent.Must(err)
	streams := []model.LabelSet{
		{"job": "plain"},
		{"job": "a \"q\", b=\"c\"", "path": `C:\temp\dir`, "n": "5"},
		{"job": "tab\tnewline\nnul\x00del\x7f", "uni": "žluť\u200b🦀"},
		// The tenant goes into a header, not into the labels.
		{"job": "tenant", "__tenant_id__": "t1"},
	}
	// An offset other than UTC, which JSON carries as text.
	zone := time.FixedZone("somewhere", -(9*3600 + 30*60))
	start := time.Date(2026, 11, 22, 8, 0, 0, 123456789, zone)
	for number, text := range job.Lines {
		labels := streams[number%len(streams)]
		at := start.Add(time.Duration(number) * time.Nanosecond)
		sent.Must(client.Handle(labels, at, text))
		meant := map[string]string{}
		for name, value := range labels {
			if name != loki.ReservedLabelTenantID {
				meant[string(name)] = string(value)
			}
		}
		job.Sent(meant, text, at, nil)
	}
	client.Stop()
	job.Close()
}
