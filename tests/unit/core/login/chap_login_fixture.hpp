#pragma once

#include "tests/unit/core/login/login_fixture.hpp"

#include "libiscsi/core/login/chap.hpp"
#include "libiscsi/core/login/phases.hpp"

// What the tests of CHAP inside the login phase share.
namespace iscsi {

inline constexpr auto our_secret = "secret-of-alice-1";
inline constexpr auto target_secret = "secret-of-disk-22";

inline session_config one_way() {
    auto config = normal_config();
    config.auth.outgoing = {"alice", our_secret};
    return config;
}

inline session_config mutual() {
    auto config = one_way();
    config.auth.incoming = {"disk", target_secret};
    return config;
}

inline std::vector<std::byte> bytes_of(const std::string& chap_binary) {
    return read_chap_binary(chap_binary).value();
}

class chap_login : public login_test {
  protected:
    static constexpr auto challenge = "0x00112233445566778899aabbccddeeff";

    static text_pairs question(
        const std::string& algorithm = "5",
        const std::string& identifier = "7",
        const std::string& bytes = challenge
    ) {
        return {{"CHAP_A", algorithm}, {"CHAP_I", identifier}, {"CHAP_C", bytes}};
    }

    void begin_chap(session_config changed) {
        begin(std::move(changed));
        step = give(response(), {{"AuthMethod", "CHAP"}});
        ASSERT_TRUE(step.has_value()) << step.error().text();
    }

    // Up to our answer; mutual CHAP then waits for entropy.
    void ask(const text_pairs& text = question()) { step = give(response(), text); }

    static std::vector<std::byte> entropy(std::size_t size = 17) {
        return std::vector<std::byte>(size, std::byte{0x5a});
    }

    void draw(const std::vector<std::byte>& bytes = entropy()) {
        step = attempt->entropy(bytes);
        if (step.has_value() && std::holds_alternative<login_send>(*step))
            sent = std::get<login_send>(*step);
    }

    // A mutual login up to the request that challenges the target.
    void begin_mutual(session_config changed = mutual()) {
        begin_chap(std::move(changed));
        ask();
        draw();
        ASSERT_TRUE(step.has_value()) << step.error().text();
    }

    // What a target answers to our challenge when it knows that secret.
    text_pairs proof(const std::string& name = "disk", const char* secret = target_secret) const {
        const auto identifier = static_cast<std::uint8_t>(std::stoi(said("CHAP_I")));
        const auto response =
            chap_response(chap_algorithm::md5, identifier, secret, bytes_of(said("CHAP_C")));
        return {{"CHAP_N", name}, {"CHAP_R", format_chap_binary(response.value())}};
    }

    void expect_failure(login_errc code, std::string_view field) const {
        ASSERT_TRUE(step.has_error());
        EXPECT_EQ(step.error().code, to_error_code(code)) << step.error().text();
        EXPECT_EQ(step.error().field, field) << step.error().text();
        EXPECT_EQ(step.error().text().find(our_secret), std::string::npos);
        EXPECT_EQ(step.error().text().find(target_secret), std::string::npos);
    }

    void expect_chap_failure(std::string_view field) const {
        expect_failure(login_errc::chap_failed, field);
    }

    void expect_operational() const {
        ASSERT_TRUE(step.has_value()) << step.error().text();
        EXPECT_EQ(sent.request.current_stage, login_stage::operational_negotiation);
        EXPECT_EQ(said("HeaderDigest"), "None");
        EXPECT_EQ(said("InitiatorName"), "(nothing)"); // has been said
    }

    result<login_step> step = login_step(login_send{});
};

} // namespace iscsi
