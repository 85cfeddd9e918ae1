#pragma once

#include "libiscsi/base/text.hpp"
#include "libiscsi/core/pdu/pdu.hpp"

#include <gtest/gtest.h>

#include <functional>
#include <string>
#include <vector>

// The words of a script for what a session must say: a<scsi_command>().with("R", …).data(512).
namespace iscsi::test {

// Checks a PDU and its data segment; reports through gtest.
using expectation = std::function<void(const initiator_pdu& pdu, bytes_view data)>;

template <class Pdu>
class a {
  public:
    template <class Field, class Value>
    a& with(std::string name, Field Pdu::*field, const Value& value) {
        const auto expected = static_cast<Field>(value);
        return check([=](const Pdu& pdu, bytes_view) { EXPECT_EQ(pdu.*field, expected) << name; });
    }

    a& data(std::vector<std::byte> expected) {
        return check([=](const Pdu&, bytes_view data) {
            EXPECT_EQ(std::vector<std::byte>(data.begin(), data.end()), expected);
        });
    }

    a& data_size(std::size_t expected) {
        return check([=](const Pdu&, bytes_view data) { EXPECT_EQ(data.size(), expected); });
    }

    // A "key=value" of the text.
    a& key(std::string name, std::string value) {
        return check([=](const Pdu&, bytes_view data) {
            const auto text = parse_text(data);
            ASSERT_TRUE(text.has_value()) << text.error().text();
            const auto* const found = find_value(*text, name);
            ASSERT_NE(found, nullptr) << name;
            EXPECT_EQ(*found, value) << name;
        });
    }

    a& check(std::function<void(const Pdu&, bytes_view)> one) {
        checks_.push_back(std::move(one));
        return *this;
    }

    operator expectation() const { // NOLINT(google-explicit-constructor): reads as a sentence
        return [checks = checks_](const initiator_pdu& pdu, bytes_view data) {
            const auto* const found = std::get_if<Pdu>(&pdu);
            ASSERT_NE(found, nullptr) << "another PDU, kind " << pdu.index();
            for (const auto& one : checks)
                one(*found, data);
        };
    }

  private:
    std::vector<std::function<void(const Pdu&, bytes_view)>> checks_;
};

} // namespace iscsi::test
