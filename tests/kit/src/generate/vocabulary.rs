//! What the applications talk about. `%name%` is filled by [`super::template`].

mod phrases;

pub(super) use phrases::*;

/// The templates of one application.
pub(in crate::generate) struct Phrases {
    /// Records; the first one has a place for a planted value.
    pub(in crate::generate) records: &'static [&'static str],
    /// Records at error level, when they look different.
    pub(in crate::generate) errors: &'static [&'static str],
    /// Messages at debug, info, warn and error level.
    pub(in crate::generate) messages: [&'static [&'static str]; 4],
}

/// The words for a name.
pub(super) fn choice(name: &str) -> Option<&'static [&'static str]> {
    Some(match name {
        "method" => &["GET", "GET", "GET", "POST", "PUT", "DELETE"],
        "path" => &[
            "/api/v1/orders",
            "/api/v1/carts/items",
            "/api/v2/products/search",
            "/healthz",
            "/api/v1/payments/authorize",
            "/static/js/app.4f1c9e.js",
            "/api/v1/users/me",
            "/api/v1/inventory/reservations",
            "/checkout",
            "/favicon.ico",
        ],
        "agent" => &[
            "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0 Safari/537.36",
            "Mozilla/5.0 (iPhone; CPU iPhone OS 18_6 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.6 Mobile/15E148 Safari/604.1",
            "Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:145.0) Gecko/20100101 Firefox/145.0",
            "k6/1.3.0 (https://k6.io/)",
            "okhttp/5.1.0",
            "curl/8.16.0",
            "kube-probe/1.34",
        ],
        "table" => &["orders", "order_items", "payments", "users", "inventory", "outbox", "carts"],
        "topic" => &["orders.created", "orders.paid", "payments.captured", "inventory.reserved", "mail.outbound"],
        "sku" => &["SKU-10442", "SKU-20817", "SKU-33190", "SKU-48125", "SKU-51077", "SKU-60231"],
        "provider" => &["stripe", "adyen", "paypal", "klarna"],
        "currency" => &["EUR", "USD", "GBP", "CHF"],
        "thread" => &[
            "http-nio-8080-exec-1",
            "http-nio-8080-exec-7",
            "http-nio-8080-exec-12",
            "kafka-consumer-0",
            "scheduling-1",
            "HikariPool-1 housekeeper",
        ],
        "class" => &[
            "c.e.shop.orders.OrderService",
            "c.e.shop.orders.OutboxRelay",
            "c.e.shop.orders.web.OrderController",
            "o.h.engine.jdbc.spi.SqlExceptionHelper",
            "o.a.k.clients.consumer.ConsumerCoordinator",
        ],
        "caller" => &[
            "checkout/handler.go:118",
            "checkout/cart.go:64",
            "checkout/pricing.go:203",
            "middleware/log.go:41",
            "kafka/producer.go:87",
            "store/postgres.go:152",
        ],
        "kfile" => {
            &["scheduler.go:512", "reconciler.go:188", "leaderelection.go:260", "reflector.go:359", "queue.go:97"]
        }
        "module" => {
            &["recommender.model", "recommender.api", "recommender.features", "celery.worker", "urllib3.connectionpool"]
        }
        "host" => &["postgres-0.postgres", "redis-master-0", "kafka-1.kafka", "search-es-default-2"],
        "reason" => &["timeout", "connection reset by peer", "i/o timeout", "EOF", "context deadline exceeded"],
        "object" => &["shop/checkout", "shop/catalog", "payments/payments", "platform/mailer"],
        _ => return None,
    })
}
