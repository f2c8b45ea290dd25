// The objects of a connected device's GATT table, for who makes them (bluetooth_tree.cpp).
//
// They live as long as the connection, and are taken away when no call is about them any more.
#pragma once

#include "bus/gatt_characteristic_object.hpp"
#include "bus/gatt_descriptor_object.hpp"
#include "bus/gatt_service_object.hpp"
