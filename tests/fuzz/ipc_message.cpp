// Varlink messages and the types inside them.
#include "tests/fuzz/fuzz.hpp"

#include "libiscsi/admin/messages.hpp"
#include "libiscsi/admin/varlink.hpp"

void fuzz_one(iscsi::bytes_view input) {
    iscsi::admin::varlink_splitter splitter;
    if (!splitter.feed(text_of(input)).has_value())
        return;
    while (const auto message = splitter.next()) {
        if (const auto call = iscsi::admin::parse_call(*message); call.has_value()) {
            (void)iscsi::admin::from_json<iscsi::admin::login_request_message>(call->parameters);
            (void)iscsi::admin::from_json<iscsi::admin::discover_request_message>(call->parameters);
            (void)iscsi::admin::from_json<iscsi::admin::logout_request_message>(call->parameters);
            (void)iscsi::admin::from_json<iscsi::admin::rescan_request_message>(call->parameters);
        }
        (void)iscsi::admin::parse_reply(*message);
    }
}
