
Õ

shop.protoshop"ï
Order
note (	
parts (2.shop.Order
sizes (
blob (
count (
old (
2.shop.Order.Old'
labels (2.shop.Order.LabelsEntry
Old
text (	-
LabelsEntry
key (	
value (	:8*dÈ2,
Orders"
Create.shop.Order.shop.Order:
gift.shop.Orderd (	bproto2