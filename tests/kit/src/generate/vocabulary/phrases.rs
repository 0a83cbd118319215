//! The records and messages of the eight applications.

use super::Phrases;

pub(in crate::generate) static CHECKOUT: Phrases = Phrases {
    records: &[
        r#"{"level":"%level%","ts":"%nanos%","caller":"%caller%","msg":"%msg%%pii%","service":"checkout","trace_id":"%trace%","span_id":"%span%","user_id":%user%,"duration_ms":%dur%}"#,
        r#"{"level":"%level%","ts":"%nanos%","caller":"%caller%","msg":"%msg%","service":"checkout","trace_id":"%trace%","span_id":"%span%","user_id":%user%,"cart_id":"%uuid%","duration_ms":%dur%}"#,
    ],
    errors: &[
        r#"{"level":"error","ts":"%nanos%","caller":"%caller%","msg":"%msg%%pii%","service":"checkout","trace_id":"%trace%","span_id":"%span%","user_id":%user%,"error":"rpc error: code = Unavailable desc = %reason%","stacktrace":"main.(*Handler).Checkout\n\t/src/checkout/handler.go:118\nnet/http.HandlerFunc.ServeHTTP\n\t/usr/local/go/src/net/http/server.go:2322"}"#,
    ],
    messages: [
        &[
            "cart %uuid% loaded from cache",
            "pricing rule %n% skipped for user %user%",
            "request body decoded, %N% bytes",
        ],
        &[
            "order %order% placed by user %user%, %n% items",
            "cart updated, item %sku% quantity %n%",
            "published event to %topic% partition %n% offset %offset%",
            "payment authorised with %provider% for order %order%",
            "query on %table% finished, %n% rows",
            "request completed %method% %path% %status%",
        ],
        &["retrying call to %host%, attempt %n%", "slow query on %table%: %dur% ms", "stock low for %sku%: %n% left"],
        &["order %order% failed: %reason%", "cannot reserve %sku%: %reason%", "publishing to %topic% failed: %reason%"],
    ],
};

pub(in crate::generate) static PAYMENTS: Phrases = Phrases {
    records: &[
        r#"{"level":%severity%,"time":%epoch%,"pid":1,"hostname":"%pod%","reqId":"%uuid%","trace_id":"%trace%","msg":"%msg%%pii%","responseTime":%dur%}"#,
        r#"{"level":%severity%,"time":%epoch%,"pid":1,"hostname":"%pod%","req":{"id":"%uuid%","method":"%method%","url":"%path%","remotePort":%N%},"res":{"statusCode":%status%},"responseTime":%dur%,"msg":"request completed"}"#,
        r#"{"level":%severity%,"time":%epoch%,"pid":1,"hostname":"%pod%","trace_id":"%trace%","payment":{"order":%order%,"provider":"%provider%","amount":%N%,"currency":"%currency%"},"msg":"%msg%"}"#,
    ],
    errors: &[
        r#"{"level":50,"time":%epoch%,"pid":1,"hostname":"%pod%","trace_id":"%trace%","err":{"type":"ProviderError","message":"%reason%","stack":"ProviderError: %reason%\n    at capture (/app/dist/providers/client.js:88:15)\n    at process.processTicksAndRejections (node:internal/process/task_queues:105:5)","code":"E%N%"},"msg":"%msg%%pii%"}"#,
    ],
    messages: [
        &["idempotency key %uuid% not seen before", "webhook signature checked for %provider%"],
        &[
            "payment for order %order% captured by %provider%",
            "refund of %N% %currency% queued for order %order%",
            "3-D Secure challenge passed in %ms% ms",
            "ledger entry %offset% written",
            "settled batch %N% with %n% payments",
        ],
        &[
            "%provider% answered slowly: %ms% ms",
            "payment %order% declined: insufficient funds",
            "webhook delivered twice, ignoring event %uuid%",
        ],
        &["capture failed for order %order%: %reason%", "ledger write failed: %reason%"],
    ],
};

pub(in crate::generate) static GATEWAY: Phrases = Phrases {
    records: &[
        r#"%ip6% - - [%common%] "%method% %path%?id=%order%&page=%n% HTTP/1.1" %status% %N% "https://shop.example.com/products/%sku%" "%agent%" "%xff%" rt=0.%n% uct=0.00%n% ua="%host%:8080" rid=%trace%"#,
        r#"%ip6% - - [%common%] "%method% %path% HTTP/2.0" %status% %N% "-" "%agent%" "-" rt=0.%n% uct=0.00%n% ua="%host%:8080" rid=%trace%"#,
    ],
    errors: &[],
    messages: [&[""], &[""], &[""], &[""]],
};

pub(in crate::generate) static ORDERS: Phrases = Phrases {
    records: &[
        "%comma% %LEVEL%  [%thread%] [traceId=%trace%,spanId=%span%,orderId=%order%,tenant=default] %class% - %msg%%pii%",
    ],
    errors: &[
        "%comma% ERROR [%thread%] [traceId=%trace%,spanId=%span%,orderId=%order%,tenant=default] %class% - %msg%%pii%\njava.lang.IllegalStateException: order %order% is not payable\n\tat com.example.shop.orders.OrderService.pay(OrderService.java:%n%)\n\tat com.example.shop.orders.web.OrderController.pay(OrderController.java:%n%)\n\tat java.base/jdk.internal.reflect.DirectMethodHandleAccessor.invoke(DirectMethodHandleAccessor.java:104)\n\tat org.springframework.web.method.support.InvocableHandlerMethod.doInvoke(InvocableHandlerMethod.java:258)\n\tat org.springframework.web.servlet.DispatcherServlet.doDispatch(DispatcherServlet.java:1089)\n\tat org.apache.catalina.core.ApplicationFilterChain.internalDoFilter(ApplicationFilterChain.java:205)\n\tat org.apache.tomcat.util.net.NioEndpoint$SocketProcessor.doRun(NioEndpoint.java:1769)\n\tat java.base/java.lang.Thread.run(Thread.java:1583)\nCaused by: org.postgresql.util.PSQLException: ERROR: could not serialize access due to concurrent update\n\tat org.postgresql.core.v3.QueryExecutorImpl.receiveErrorResponse(QueryExecutorImpl.java:2733)\n\tat org.postgresql.jdbc.PgPreparedStatement.executeQuery(PgPreparedStatement.java:137)\n\tat com.zaxxer.hikari.pool.HikariProxyPreparedStatement.executeQuery(HikariProxyPreparedStatement.java)\n\t... %n% common frames omitted",
    ],
    messages: [
        &[
            "select o.id, o.status, o.total_cents, o.updated_at from %table% o where o.id = ? and o.deleted_at is null for update -- %ms% ms",
            "Fetch offset %offset% for partition %topic%-%n%",
        ],
        &[
            "Order %order% moved from PENDING to PAID by user %user% in %ms% ms",
            "Relayed %n% events from outbox to %topic%, last offset %offset%",
            "Reserved %n% of %sku% for order %order%, reservation %uuid%",
            "insert into %table% (id, order_id, sku, quantity, created_at) values (?, ?, ?, ?, ?) took %dur% ms, %n% rows",
        ],
        &[
            "HikariPool-1 - Thread starvation or clock leap detected (housekeeper delta=%ms%ms)",
            "Optimistic lock on %table% row %order%, retry %n%",
        ],
        &["Request %method% %path% failed after %ms% ms", "SQL Error: 0, SQLState: 40001"],
    ],
};

pub(in crate::generate) static CATALOG: Phrases = Phrases {
    records: &[
        r#"time=%millis% level=%level% msg="%msg%%pii%" service=catalog component=search method=%method% path=%path% status=%status% duration=%dur%ms user=%user% trace_id=%trace% span_id=%span%"#,
        r#"time=%millis% level=%level% msg="%msg%" service=catalog component=store table=%table% rows=%n% cache_hit=true duration=%dur%ms trace_id=%trace% request_id=%uuid%"#,
    ],
    errors: &[
        r#"time=%millis% level=error msg="%msg%%pii%" service=catalog component=search err="dial tcp %host%:9200: %reason%" attempt=%n% duration=%dur%ms trace_id=%trace% span_id=%span%"#,
    ],
    messages: [
        &["cache lookup for %sku%", "index segment %N% merged"],
        &[
            "search finished, %N% hits",
            "product %sku% served from cache",
            "stock for %sku% refreshed: %n%",
            "price list %N% loaded",
        ],
        &["search slow, %ms% ms", "cache evicted %N% entries under memory pressure"],
        &["search backend failed: %reason%", "product %sku% not indexed: %reason%"],
    ],
};

pub(in crate::generate) static SCHEDULER: Phrases = Phrases {
    records: &[
        r#"%L%%klog%       1 %kfile%] "%msg%%pii%" object="%object%" resourceVersion="%offset%" queueDepth=%n% elapsed="%dur%ms" reconcileID="%uuid%""#,
    ],
    errors: &[
        r#"E%klog%       1 %kfile%] "%msg%%pii%" err="Operation cannot be fulfilled on deployments.apps: the object has been modified; please apply your changes to the latest version and try again" object="%object%" reconcileID="%uuid%""#,
        r#"E%klog%       1 %kfile%] "%msg%%pii%" err="Get https://kubernetes.default.svc/apis/apps/v1/deployments?resourceVersion=%offset%: %reason%" object="%object%""#,
        "panic: runtime error: invalid memory address or nil pointer dereference\n[signal SIGSEGV: segmentation violation code=0x1 addr=0x18 pc=0x%span%]\n\ngoroutine %N% [running]:\nmain.(*Reconciler).Reconcile(%ptr%, {0x1c8e2f0, %ptr%}, {{%ptr%, 0x4}, {%ptr%, 0x8}})\n\t/src/scheduler/reconciler.go:188 +0x1f4\nsigs.k8s.io/controller-runtime/pkg/internal/controller.(*Controller).reconcileHandler(%ptr%)\n\t/go/pkg/mod/sigs.k8s.io/controller-runtime@v0.22.4/pkg/internal/controller/controller.go:340 +0x2d8\ncreated by main.(*Manager).Start in goroutine 1\n\t/src/scheduler/manager.go:77 +0x9c\n\ngoroutine 1 [select, %n% minutes]:\nmain.main()\n\t/src/scheduler/main.go:54 +0x3a8",
    ],
    messages: [
        &["Watch close", "Work item requeued"],
        &["Reconciled", "Scaling target", "Observed a new generation", "Lease renewed", "Assigned work to worker"],
        &["Conflict, requeueing", "Reconcile took longer than expected"],
        &["Reconciler error", "Failed to list deployments"],
    ],
};

pub(in crate::generate) static RECOMMENDER: Phrases = Phrases {
    records: &[
        "%comma% [%LEVEL%] %module% (worker-%n%, task_id=%uuid%): %msg%%pii% [trace=%trace% model=two-tower-v7 candidates=%N%]",
    ],
    errors: &[
        "%comma% [ERROR] %module% (worker-%n%, task_id=%uuid%): %msg%%pii%\nTraceback (most recent call last):\n  File \"/app/recommender/api.py\", line %n%, in recommend\n    items = self.model.rank(user_id, candidates)\n  File \"/app/recommender/model.py\", line %n%, in rank\n    features = self.store.fetch(user_id, timeout=0.2)\n  File \"/usr/local/lib/python3.13/site-packages/redis/client.py\", line 559, in execute_command\n    return conn.retry.call_with_retry(lambda: self._send_command_parse_response(conn, *args))\nredis.exceptions.TimeoutError: Timeout reading from %host%:6379",
    ],
    messages: [
        &["feature vector for user %user% has %N% entries", "Starting new HTTP connection (%n%): %host%:8080"],
        &[
            "ranked %n% of %N% candidates for user %user% in %dur% ms",
            "model refreshed from s3://models/two-tower/%epoch%/weights.npz in %ms% ms",
            "Task recommender.refresh succeeded in %dur%s: {'users': %N%, 'skipped': %n%}",
        ],
        &["feature store slow: %ms% ms for user %user%", "falling back to popular items for user %user%"],
        &["ranking failed for user %user%", "Task recommender.refresh raised unexpected: %reason%"],
    ],
};

pub(in crate::generate) static MAILER: Phrases = Phrases {
    records: &[
        "[%nanos%] mailer[1]: %LEVEL% queue-id %trace%: %msg%%pii% (worker %n%, total %dur%ms)",
        "[%nanos%] mailer[1]: %LEVEL% %msg%; template order-confirmation-v%n%, order %order%, message-id %uuid%",
    ],
    errors: &[],
    messages: [
        &["rendered template in %dur% ms", "connection to smtp-relay reused"],
        &[
            "queued confirmation for order %order%, %N% bytes",
            "delivered after %ms% ms, 250 2.0.0 Ok: queued as %span%",
            "batch of %n% messages handed to smtp-relay",
            "unsubscribed user %user% skipped",
        ],
        &["deferred, 451 4.7.1 greylisted, retry in %n% minutes", "template fallback used for locale"],
        &["bounced, 550 5.1.1 mailbox unavailable", "smtp-relay unreachable: %reason%"],
    ],
};
