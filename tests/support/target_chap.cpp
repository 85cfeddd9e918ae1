#include "tests/support/target_chap.hpp"

#include "libiscsi/base/bytes.hpp"

#include <openssl/evp.h>

#include <algorithm>
#include <array>
#include <memory>
#include <random>
#include <sstream>
#include <string_view>

namespace iscsi::test {
namespace {

constexpr chap_examiner::status authentication_failure{2, 1};
constexpr chap_examiner::status initiator_error{2, 0};

struct algorithm_row {
    std::uint8_t number; // IANA "PPP Authentication Algorithms"
    const char* name;
    const EVP_MD* (*digest)();
};

constexpr std::array algorithms{
    algorithm_row{5, "MD5", EVP_md5},
    algorithm_row{6, "SHA1", EVP_sha1},
    algorithm_row{7, "SHA256", EVP_sha256},
    algorithm_row{8, "SHA3-256", EVP_sha3_256},
};

// RFC 1994 §4.1: digest(identifier, secret, challenge).
std::vector<std::byte> response_to(
    std::uint8_t algorithm,
    std::uint8_t identifier,
    const std::string& secret,
    const std::vector<std::byte>& challenge
) {
    const auto* const row =
        std::find_if(algorithms.begin(), algorithms.end(), [algorithm](const auto& each) {
            return each.number == algorithm;
        });
    const std::unique_ptr<EVP_MD_CTX, decltype(&EVP_MD_CTX_free)> context(
        EVP_MD_CTX_new(), EVP_MD_CTX_free
    );
    std::array<unsigned char, EVP_MAX_MD_SIZE> sum{};
    unsigned length = 0;
    EVP_DigestInit_ex(context.get(), row->digest(), nullptr);
    EVP_DigestUpdate(context.get(), &identifier, 1);
    EVP_DigestUpdate(context.get(), secret.data(), secret.size());
    EVP_DigestUpdate(context.get(), challenge.data(), challenge.size());
    EVP_DigestFinal_ex(context.get(), sum.data(), &length);
    const auto bytes = std::as_bytes(std::span(sum)).first(length);
    return {bytes.begin(), bytes.end()};
}

std::string hexadecimal(const std::vector<std::byte>& bytes) {
    constexpr std::string_view digits = "0123456789abcdef";
    std::string text = "0x";
    for (const auto each : bytes) {
        text += digits[std::to_integer<unsigned>(each) >> 4U];
        text += digits[std::to_integer<unsigned>(each) & 0xfU];
    }
    return text;
}

int digit_of(char c) {
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

// Hexadecimal only, as many targets read it.
std::optional<std::vector<std::byte>> binary(std::string_view text) {
    if (!text.starts_with("0x") || text.size() % 2 != 0 || text.size() == 2)
        return std::nullopt;
    std::vector<std::byte> bytes;
    for (std::size_t at = 2; at < text.size(); at += 2) {
        const int high = digit_of(text[at]);
        const int low = digit_of(text[at + 1]);
        if (high < 0 || low < 0)
            return std::nullopt;
        bytes.push_back(static_cast<std::byte>(high * 16 + low));
    }
    return bytes;
}

std::vector<std::byte> random_bytes(std::size_t count) {
    std::random_device random;
    std::vector<std::byte> bytes(count);
    for (auto& each : bytes)
        each = static_cast<std::byte>(random());
    return bytes;
}

std::string value(const text_pairs& text, std::string_view key) {
    const auto* const found = find_value(text, key);
    return found == nullptr ? std::string() : *found;
}

chap_examiner::reply refuse(chap_examiner::status why) {
    return {{}, why};
}

} // namespace

std::optional<std::uint8_t> chap_number_of(const std::string& name) {
    for (const auto& row : algorithms)
        if (name == row.name)
            return row.number;
    return std::nullopt;
}

chap_examiner::reply chap_examiner::hear(const text_pairs& text) {
    switch (turn_) {
    case turn::method:
        return choose_method(text);
    case turn::algorithm:
        return choose_algorithm(text);
    case turn::proof:
        return check_proof(text);
    case turn::over:
        break;
    }
    return {};
}

chap_examiner::reply chap_examiner::choose_method(const text_pairs& text) {
    if (value(text, "AuthMethod").find("CHAP") == std::string::npos)
        return refuse(authentication_failure);
    turn_ = turn::algorithm;
    return {{{"AuthMethod", "CHAP"}}, std::nullopt};
}

chap_examiner::reply chap_examiner::choose_algorithm(const text_pairs& text) {
    std::istringstream offered(value(text, "CHAP_A"));
    const auto& known = options_->algorithms;
    for (std::string word; std::getline(offered, word, ',');) {
        const auto number = std::strtoul(word.c_str(), nullptr, 10);
        if (std::find(known.begin(), known.end(), number) != known.end()) {
            algorithm_ = static_cast<std::uint8_t>(number);
            break;
        }
        if (options_->looks_at_first_only)
            break;
    }
    if (algorithm_ == 0)
        return refuse(initiator_error);
    turn_ = turn::proof;
    identifier_ = std::to_integer<std::uint8_t>(random_bytes(1).front());
    challenge_ = random_bytes(16);
    return {
        {{"CHAP_A", std::to_string(algorithm_)},
         {"CHAP_I", std::to_string(identifier_)},
         {"CHAP_C", hexadecimal(challenge_)}},
        std::nullopt};
}

chap_examiner::reply chap_examiner::check_proof(const text_pairs& text) {
    const auto given = binary(value(text, "CHAP_R"));
    if (value(text, "CHAP_N") != options_->user || !given ||
        *given != response_to(algorithm_, identifier_, options_->secret, challenge_))
        return refuse(authentication_failure);
    turn_ = turn::over;
    return find_value(text, "CHAP_C") == nullptr ? reply{} : prove(text);
}

// Mutual CHAP: who cannot prove itself lets nobody in who asks for it.
chap_examiner::reply chap_examiner::prove(const text_pairs& text) {
    const auto challenge = binary(value(text, "CHAP_C"));
    const auto identifier = std::strtoul(value(text, "CHAP_I").c_str(), nullptr, 10);
    if (options_->own_name.empty() || !challenge || *challenge == challenge_)
        return refuse(authentication_failure);
    const auto answer = response_to(
        algorithm_, static_cast<std::uint8_t>(identifier), options_->own_secret, *challenge
    );
    return {{{"CHAP_N", options_->own_name}, {"CHAP_R", hexadecimal(answer)}}, std::nullopt};
}

} // namespace iscsi::test
