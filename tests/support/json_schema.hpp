#pragma once

#include <boost/json/object.hpp>
#include <boost/json/value.hpp>

#include <string>
#include <vector>

namespace iscsi {

// Holds JSON values against a JSON Schema (2020-12), as far as this project's schemas use it: type,
// const, enum, minimum, maximum, properties, required, additionalProperties, items, oneOf, and $ref
// to a definition of the same schema. Any other keyword is a complaint: it would not be checked.
class json_schema {
  public:
    explicit json_schema(boost::json::value schema) : root_(std::move(schema)) {}

    // What is wrong, a line each, with the place in the value; empty when it is valid.
    std::vector<std::string> complaints_of(const boost::json::value& value) const;

  private:
    boost::json::value root_;
};

} // namespace iscsi
