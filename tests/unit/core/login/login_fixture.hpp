#pragma once

#include "libiscsi/base/text.hpp"
#include "libiscsi/core/login/login.hpp"

#include <gtest/gtest.h>

#include <optional>
#include <span>
#include <string>
#include <utility>

namespace iscsi {

inline session_config normal_config() {
    session_config config;
    config.initiator_name = "iqn.2001-04.com.example:initiator";
    config.initiator_alias = "host";
    config.target_name = "iqn.2001-04.com.example:disk";
    config.isid = {std::byte{0}, std::byte{2}, std::byte{0x3d}, std::byte{1}, std::byte{2}};
    config.negotiation = negotiation_mode::strict;
    return config;
}

inline text_pairs pairs_of(const std::string& text) {
    return parse_text(std::as_bytes(std::span(text)), text.size()).value();
}

// A login attempt with the target's last words at hand: each answer starts as a correct one.
class login_test : public testing::Test {
  protected:
    void begin(session_config changed = normal_config(), std::uint16_t session_handle = 0) {
        config = std::move(changed);
        attempt.emplace(config, 7, 0x1234, session_handle);
        sent = attempt->first();
    }

    // Answers as a correct target would, to the last request.
    login_response response() const {
        login_response pdu;
        pdu.current_stage = sent.request.current_stage;
        pdu.transit = sent.request.transit;
        pdu.next_stage = sent.request.next_stage;
        pdu.isid = config.isid;
        pdu.initiator_task_tag = sent.request.initiator_task_tag;
        pdu.target_session_identifying_handle = pdu.transit ? 0x55 : 0;
        return pdu;
    }

    login_response response_without_transit() const {
        auto pdu = response();
        pdu.transit = false;
        pdu.next_stage = {};
        pdu.target_session_identifying_handle = 0;
        return pdu;
    }

    result<login_step> give(const login_response& pdu, const text_pairs& text = {}) {
        return give_raw(pdu, format_text(text));
    }

    result<login_step> give_raw(const login_response& pdu, const std::string& text) {
        auto step = attempt->on_response(pdu, std::as_bytes(std::span(text)));
        if (step.has_value() && std::holds_alternative<login_send>(*step))
            sent = std::get<login_send>(*step);
        return step;
    }

    boost::system::error_code error_of(const login_response& pdu, const text_pairs& text = {}) {
        const auto step = give(pdu, text);
        return step.has_error() ? step.error().code : boost::system::error_code{};
    }

    static login_complete completed(const result<login_step>& step) {
        if (step.has_error()) {
            ADD_FAILURE() << step.error().text();
            return {};
        }
        EXPECT_TRUE(std::holds_alternative<login_complete>(*step)) << step->index();
        const auto* const done = std::get_if<login_complete>(&*step);
        return done != nullptr ? *done : login_complete{};
    }

    std::string said(std::string_view key) const {
        const auto text = pairs_of(sent.data);
        const auto* const value = find_value(text, key);
        return value == nullptr ? "(nothing)" : *value;
    }

    session_config config;
    std::optional<login> attempt;
    login_send sent;
};

} // namespace iscsi
