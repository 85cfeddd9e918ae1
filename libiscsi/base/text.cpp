#include "libiscsi/base/text.hpp"
